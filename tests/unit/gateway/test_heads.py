from types import SimpleNamespace

import pytest

from handfast.decision.ports import BackendAuthorization
from handfast.decision.publication import ACTIVESYNC_RULES, Publication
from handfast.gateway.config import BackendConfig, PublicationConfig
from handfast.gateway.heads import answer_head, request_head
from handfast.gateway.published import PublishedApp
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.framing import (
    CHUNKED,
    NO_BODY,
    UNTIL_CLOSE,
    ContentLength,
    response_body_framing,
)
from handfast.protocols.http1.head import parse_request_head, parse_response_head


def route(auth_header=""):
    publication = Publication("mail", ("h",), ACTIVESYNC_RULES)
    backend = BackendConfig(("http://127.0.0.1:1",), auth_header=auth_header)
    return SimpleNamespace(
        app=PublishedApp(PublicationConfig(publication, backend), SimpleNamespace()), host=b"h"
    )


def sent(fields="", *, method="POST", framing=NO_BODY, options=frozenset(), headers=(), auth_header=""):
    head = parse_request_head(f"{method} /x HTTP/1.1\r\nHost: h\r\n{fields}\r\n".encode())
    data = request_head(
        head,
        route(auth_header),
        BackendAuthorization(headers),
        framing,
        target=b"/y",
        options=options,
        authority=b"ex:81",
        source="192.0.2.1",
        is_tls=True,
        request_id="ab",
    )
    parse_request_head(data)
    return data.split(b"\r\n")


FORWARDED = [
    b"X-Forwarded-For: 192.0.2.1",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: h",
    b"X-Request-Id: ab",
]


def test_a_request_is_written_anew():
    assert sent("X-A:  1 \r\nAuthorization: Basic x\r\n", framing=ContentLength(5)) == [
        b"POST /y HTTP/1.1",
        b"Host: ex:81",
        b"x-a: 1",
        *FORWARDED,
        b"Content-Length: 5",
        b"",
        b"",
    ]


@pytest.mark.parametrize(
    ("method", "framing", "line"),
    [
        ("POST", NO_BODY, [b"Content-Length: 0"]),
        ("POST", CHUNKED, [b"Transfer-Encoding: chunked"]),
        ("OPTIONS", NO_BODY, []),
    ],
)
def test_a_request_is_framed_by_us(method, framing, line):
    assert sent(method=method, framing=framing)[6:] == [*line, b"", b""]


def test_nominated_fields_and_the_servers_own_stay_outside():
    fields = "X-A: 1\r\nX-Mail-User: boss\r\nCookie: X-BEResource=ex; a=1\r\n"
    lines = sent(
        fields,
        options=frozenset({b"x-a"}),
        headers=((b"X-Mail-User", b"alice"),),
        auth_header="X-Mail-User",
    )
    assert lines[2:3] == [b"cookie: a=1"]
    assert b"X-Mail-User: alice" in lines
    assert not any(b"boss" in line or line.startswith(b"x-a") for line in lines)


def answered(fields="", *, status="200 OK", method=b"GET", version=1, keep=True):
    head = parse_response_head(f"HTTP/1.1 {status}\r\n{fields}\r\n".encode())
    data = answer_head(
        head,
        response_body_framing(head, method),
        method=method,
        client_version=version,
        keep_alive=keep,
        hosts=frozenset({"h"}),
        request_id="ab",
    )
    parse_response_head(data)
    return data.split(b"\r\n")[:-2]


def test_a_field_that_tells_a_server_behind_does_not_leave():
    head = parse_response_head(
        b"HTTP/1.1 200 from 127.0.0.1\r\nX-Something: see http://127.0.0.1/x\r\nX-Else: 127.0.0.11\r\n"
        b"Set-Cookie: at=127.0.0.1; Path=/\r\nContent-Length: 0\r\n\r\n"
    )
    options = {"method": b"GET", "client_version": 1, "keep_alive": True, "hosts": {"h"}, "request_id": "ab"}
    assert answer_head(head, response_body_framing(head, b"GET"), route=route(), **options).split(
        b"\r\n"
    ) == [
        b"HTTP/1.1 200 ",
        b"X-Else: 127.0.0.11",
        b"X-Request-Id: ab",
        b"Content-Length: 0",
        b"",
        b"",
    ]


def test_an_answer_is_written_anew_and_keeps_its_spelling():
    assert answered("MS-Server: 1\r\nServer: IIS\r\nX-A: 1\r\nConnection: x-a\r\nContent-Length: 2\r\n") == [
        b"HTTP/1.1 200 OK",
        b"MS-Server: 1",
        b"X-Request-Id: ab",
        b"Content-Length: 2",
    ]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({"fields": "Transfer-Encoding: chunked\r\n"}, [b"Transfer-Encoding: chunked"]),
        ({"fields": "Transfer-Encoding: chunked\r\n", "version": 0}, [b"Connection: keep-alive"]),
        ({"keep": False}, [b"Connection: close"]),
        ({"status": "204 x"}, []),
        ({"status": "304 x"}, []),
        ({"method": b"HEAD"}, []),
        ({"method": b"HEAD", "fields": "Content-Length: 7\r\n"}, [b"Content-Length: 7"]),
        ({"fields": "Content-Length: 0\r\n"}, [b"Content-Length: 0"]),
    ],
)
def test_an_answer_is_framed_by_us(arguments, lines):
    assert answered(**arguments)[2:] == lines


def test_nothing_leads_inside():
    assert b"Location: https://h/x" in answered("Location: https://h/x\r\n")
    assert b"Location: /x" in answered("Location: /x\r\n")
    assert not any(b"inside" in line for line in answered("Content-Location: http://inside/x\r\n"))
    for value in (
        "http://h/x",
        "https://inside/x",
        "//inside/x",
        "https://h:x/",
        "https://u@h/",
        "/\\inside",
    ):
        with pytest.raises(MalformedMessage):
            answered(f"Location: {value}\r\n")


def test_cookies_leave_without_a_domain_and_routing_cookies_not_at_all():
    lines = answered("Set-Cookie: a=1; Domain=inside\r\nSet-Cookie: X-BackEndCookie=inside\r\n")
    assert [line for line in lines if line.startswith(b"Set-Cookie")] == [b"Set-Cookie: a=1"]


def test_an_answer_that_ends_with_its_connection_has_no_length():
    head = parse_response_head(b"HTTP/1.0 200 OK\r\n\r\n")
    assert response_body_framing(head, b"GET") is UNTIL_CLOSE
