import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.head import (
    check_partial_head,
    parse_request_head,
    parse_response_head,
)

GOOD = b"POST /x?y=1 HTTP/1.1\r\nHost: Mail.Example\r\nX-A:  one \t\r\nx-a: two\r\nEmpty:\r\n\r\n"


def request(*lines: bytes, first: bytes = b"POST / HTTP/1.1", host: bytes = b"Host: h") -> bytes:
    return b"\r\n".join([first, host, *lines, b"", b""])


def test_a_request_head_is_read():
    head = parse_request_head(GOOD)
    assert (head.method, head.target, head.version, head.host) == (b"POST", b"/x?y=1", 1, b"mail.example")
    assert head.headers == ((b"host", b"Mail.Example"), (b"x-a", b"one"), (b"x-a", b"two"), (b"empty", b""))
    assert head.all(b"x-a") == [b"one", b"two"]
    assert head.all(b"no") == []
    assert head.find(b"empty") == b""
    assert head.find(b"no") is None
    with pytest.raises(MalformedMessage, match="x-a"):
        head.find(b"x-a")


def test_one_empty_line_before_is_passed_over():
    assert parse_request_head(b"\r\n" + GOOD) == parse_request_head(GOOD)
    with pytest.raises(MalformedMessage):
        parse_request_head(b"\r\n\r\n" + GOOD)


def test_http_10():
    assert parse_request_head(GOOD.replace(b"HTTP/1.1", b"HTTP/1.0")).version == 0


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (GOOD[:-2], 400, "no end"),
        (b"\r\n\r\n" + GOOD, 400, "empty lines before"),
        (request(first=b"POST /"), 400, "method, target, version"),
        (request(first=b"POST / HTTP/x"), 400, "no HTTP version"),
        (request(first=b"POST / HTTP/3.0"), 505, "only HTTP/1.0"),
        (request(first=b"PO(ST / HTTP/1.1"), 400, "no token"),
        (request(first=b"post / HTTP/1.1"), 501, "unknown"),
        (request(first=b"A" * 33 + b" / HTTP/1.1"), 501, "unknown"),
        (request(first=b"POST /" + b"a" * 8192 + b" HTTP/1.1"), 414, "longer"),
        (request(first=b"POST /\xc3\xa9 HTTP/1.1"), 400, "not ASCII"),
        (request(first=b"POST / HTTP/1.1\x00"), 400, "control byte"),
        (request(b"no colon"), 400, "without a colon"),
        (request(b"A : b"), 400, "before a colon"),
        (request(b" folded: b"), 400, "folded"),
        (request(b"A: b\x00"), 400, "control byte"),
        (request(b"A(: b"), 400, "no token"),
        (request(b"A: 1", b"", b"B: 2"), 400, "empty line inside"),
        (request(*[b"A: 1"] * 100), 431, "more than 100"),
        (request(host=b"X: y"), 400, "Host: missing"),
        (request(b"Host: h"), 400, "more than once"),
        (request(host=b"Host: a b"), 400, "no host name"),
        (request(host=b"Host: a..b"), 400, "no host name"),
        (request(host=b"Host: a:70000"), 400, "no host name"),
        (request(b"Expect: x"), 417, "100-continue"),
        (request(b"Upgrade: h2c"), 501, "Upgrade"),
        (request(first=b"TRACE / HTTP/1.1"), 501, "TRACE"),
        (request(b"Authorization: a", b"authorization: b"), 400, "authorization"),
    ],
)
def test_each_fault_is_named_with_its_status(data, status, says):
    with pytest.raises(MalformedMessage, match=says) as caught:
        parse_request_head(data)
    assert caught.value.status == status
    assert caught.value.protocol == "http"


@pytest.mark.parametrize(
    "host", [b"h", b"h:1", b"h:65535", b"1.2.3.4:80", b"[::1]", b"[::1]:443", b"a.example."[:-1]]
)
def test_hosts_that_are_hosts(host):
    assert parse_request_head(request(host=b"Host: " + host)).host == host


def test_a_response_head_is_read_and_keeps_its_spelling():
    head = parse_response_head(b"HTTP/1.1 200 All Right\r\nMS-Server: 1\r\nms-server: 2\r\n\r\n")
    assert (head.status, head.phrase, head.version) == (200, b"All Right", 1)
    assert [name for name, _ in head.spelled] == [b"MS-Server", b"ms-server"]
    assert head.all(b"ms-server") == [b"1", b"2"]
    assert parse_response_head(b"HTTP/1.0 204\r\n\r\n").phrase == b""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"HTTP/1.1 200 OK\r\n", "no end"),
        (b"HTTP/2 200 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 99 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 600 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "before a colon"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n", "more than 100"),
    ],
)
def test_a_response_head_in_doubt(data, says):
    with pytest.raises(MalformedMessage, match=says):
        parse_response_head(data)


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\n",
        b"POST /\rx",
        b"\x16\x03\x01",
        b"(x",
        b"A" * 65 + b" ",
        b"GET / HTTP/1.1\r\nX: \x00",
        b" GET",
    ],
)
def test_a_beginning_that_nothing_mends(data):
    with pytest.raises(MalformedMessage):
        check_partial_head(data)


def test_every_beginning_of_a_good_head_is_good_byte_by_byte():
    for data in (GOOD, b"\r\n" + GOOD):
        for end in range(len(data)):
            check_partial_head(data[:end])
            check_partial_head(data[:end], max(end - 1, 0))


def test_a_fault_at_the_seam_is_found():
    with pytest.raises(MalformedMessage):
        check_partial_head(b"A" * 40 + b" / HTTP/1.1\r\nX: " + b"a" * 80 + b"\rb", 135)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_head_or_a_refusal(data):
    for parse in (parse_request_head, parse_response_head):
        for sent in (
            data,
            b"POST / HTTP/1.1\r\nHost: h\r\n" + data + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + data + b"\r\n\r\n",
        ):
            with contextlib.suppress(MalformedMessage):
                assert parse(sent).headers is not None


TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-0123456789!#$", min_size=1, max_size=12).map(str.encode)
VALUE = st.text([chr(code) for code in range(0x21, 0x7F)], max_size=20).map(str.encode)
RESERVED = (
    b"host",
    b"authorization",
    b"content-length",
    b"transfer-encoding",
    b"expect",
    b"content-type",
    b"upgrade",
)


@given(st.lists(st.tuples(TOKEN.filter(lambda name: name not in RESERVED), VALUE), max_size=20))
def test_what_is_written_is_what_is_read(fields):
    head = parse_request_head(request(*[name + b": " + value for name, value in fields]))
    assert list(head.headers[1:]) == fields


def test_field_values_stand_in_no_log():
    asked = parse_request_head(request(b"Authorization: Basic SECRET"))
    answered = parse_response_head(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=SECRET\r\n\r\n")
    for head in (asked, answered):
        assert "SECRET" not in repr(head)
    assert "authorization" in repr(asked)
    assert "200" in repr(answered)


def test_a_field_that_is_not_there_has_no_values():
    head = parse_request_head(request(b"A: 1", b"B: 2", b"A: 3"))
    assert (head.all(b"a"), head.all(b"b"), head.all(b"c")) == ([b"1", b"3"], [b"2"], [])
    assert parse_request_head(request(b"A: 1")).all(b"a") == [b"1"]


@pytest.mark.parametrize("method", [b"RPC_IN_DATA", b"RPC_OUT_DATA"])
def test_the_methods_of_rpc_over_http_are_read_so_that_a_rule_can_say_why_not(method):
    head = parse_request_head(method + b" /rpc/rpcproxy.dll?s:6001 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.method == method


@pytest.mark.parametrize("method", [b"RPC_DATA", b"RPC_IN_DATA_", b"rpc_in_data", b"A_B"])
def test_no_other_method_has_an_underscore(method):
    with pytest.raises(MalformedMessage, match="unknown") as caught:
        parse_request_head(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert caught.value.status == 501
