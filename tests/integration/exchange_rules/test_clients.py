"""What real clients send is refused by no rule, and its server sees it as that client meant it."""

from __future__ import annotations

import socket

import pytest

from tests.door import Answer, ask
from tests.installation import HOST
from tests.integration.exchange_rules.clients import MAIL, SAMPLES, Sample
from tests.integration.exchange_rules.conftest import Published

REFUSALS = {400, 403, 404, 405, 415, 501}


def asked(published: Published, sample: Sample, *login: str) -> Answer:
    return ask(
        published.site,
        *login,
        method=sample.method,
        target=sample.target,
        agent=sample.agent,
        headers=sample.headers,
        body=sample.body.encode(),
    )


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.behind], ids=str)
def test_it_is_asked_for_a_password_and_then_passes(published: Published, sample: Sample):
    published.server.clear()
    assert asked(published, sample).status == 401
    assert published.server.heads == [], "nothing goes behind without a password"
    if not sample.signs_in:
        return
    answer = asked(published, sample, sample.login or sample.account, published.passwords[sample.account])
    assert answer.status not in REFUSALS, answer
    assert published.server.targets() == [f"{sample.method} {sample.behind}"]


@pytest.mark.parametrize("sample", [one for one in SAMPLES if not one.behind], ids=str)
def test_what_is_answered_here_needs_no_password_and_no_server(published: Published, sample: Sample):
    published.server.clear()
    answer = asked(published, sample)
    assert answer.status == 200, answer
    assert HOST.encode() in answer.body
    assert MAIL.encode() not in answer.body
    assert published.server.heads == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?Protocol=ActiveSync",
        f"?Email={MAIL}",
        f"?Email={MAIL}&Protocol=ActiveSync&Email=b@contoso.lab",
        f"?Email={MAIL}&Protocol=ActiveSync&Redirect=1",
        f"?Email={MAIL}&Protocol=a%20b",
        "?Email=alice&Protocol=ActiveSync",
        "?Email=a%2fb@contoso.lab&Protocol=ActiveSync",
        f"?Email={MAIL}%00&Protocol=ActiveSync",
        f"?Email={MAIL}&Protocol=%2541ctiveSync",
        f"?Email={MAIL};Protocol=ActiveSync",
        f"?%45mail={MAIL}&Protocol=ActiveSync",
        "?Email=" + "a" * 65 + "@contoso.lab&Protocol=ActiveSync",
    ],
)
def test_an_odd_query_of_autodiscovers_json_is_refused(published: Published, query):
    published.server.clear()
    answer = ask(published.site, method="GET", target="/autodiscover/autodiscover.json" + query)
    assert answer.status == 404
    assert published.server.heads == []


@pytest.mark.parametrize(
    "media_type", ["text/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"]
)
def test_mapi_takes_its_own_media_types_alone(published: Published, media_type):
    published.server.clear()
    answer = ask(
        published.site,
        "alice",
        published.passwords["alice"],
        target="/mapi/emsmdb/?useMailboxOfAuthenticatedUser=true",
        headers={"Content-Type": media_type},
        body=b"x",
    )
    assert answer.status == 415
    assert published.server.heads == []


@pytest.mark.parametrize("method", ["RPC_IN_DATA", "RPC_OUT_DATA"])
def test_rpc_over_http_is_refused_with_its_reason(published: Published, method):
    answer = ask(
        published.site,
        "alice",
        published.passwords["alice"],
        method=method,
        target="/rpc/rpcproxy.dll?mail:6001",
    )
    assert answer.status == 403
    [line] = published.site.wait_for_log_line("handfast decision", f"request={answer.request_id}")
    assert " reason=rpc-over-http-refused " in line
    assert " rule=rpc-over-http" in line


@pytest.mark.parametrize(
    "target", ["/owa", "/owa/", "/OWA/?authRedirect=true", "/ecp/", "/owa/auth/logon.aspx?url=%3cscript%3e"]
)
def test_a_browser_gets_a_page_that_says_what_is_missing(published: Published, target):
    published.server.clear()
    answer = ask(published.site, method="GET", target=target, headers={"Accept": "text/html"})
    assert answer.status == 403
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert b"sign-in pages" in answer.body
    assert b"script" not in answer.body
    assert ask(published.site, method="HEAD", target=target).body == b""
    assert published.server.heads == []


def test_the_page_is_the_same_for_everybody(published: Published):
    pages = {
        ask(published.site, *login, method="GET", target="/owa/?x=" + value).body
        for login in ((), ("alice", published.passwords["alice"]))
        for value in ("1", "%3cscript%3e")
    }
    assert len(pages) == 1


def plain(published: Published, method: str, path: str, host: str = HOST, more: str = "") -> bytes:
    with socket.create_connection(("127.0.0.1", published.redirect_port), timeout=10) as door:
        door.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n".encode())
        answer = b""
        while piece := door.recv(65536):
            answer += piece
    return answer


def test_without_tls_there_is_a_redirect_and_nothing_else(published: Published):
    published.server.clear()
    answer = plain(published, "GET", "/autodiscover/autodiscover.xml")
    assert answer.startswith(b"HTTP/1.1 302 "), answer
    assert b"\r\nLocation: https://" + HOST.encode() + b"/autodiscover/autodiscover.xml\r\n" in answer
    soap = plain(published, "GET", "/autodiscover/autodiscover.svc")
    assert b"\r\nLocation: https://" + HOST.encode() + b"/autodiscover/autodiscover.svc\r\n" in soap
    for method, path in (
        ("POST", "/autodiscover/autodiscover.xml"),
        ("GET", "/autodiscover/autodiscover.xml?a=b"),
        ("GET", "/EWS/Exchange.asmx"),
        ("POST", "/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=a&DeviceId=B1&DeviceType=c"),
        ("GET", "/autodiscover/autodiscover.json?Email=a@b.c&Protocol=ews"),
        ("GET", "/"),
    ):
        refused = plain(published, method, path, more="Authorization: Basic YTpi\r\nContent-Length: 0\r\n")
        assert refused[9:12] in (b"404", b"405"), refused
        assert b"WWW-Authenticate" not in refused, "nobody is asked for a password without TLS"
    assert published.server.heads == []
