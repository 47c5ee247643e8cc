import pytest

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.framing import (
    CHUNKED,
    NO_BODY,
    UNTIL_CLOSE,
    ContentLength,
    request_body_framing,
    response_body_framing,
)
from handfast.protocols.http1.head import parse_request_head, parse_response_head


def of_request(*lines: str, method: str = "POST", version: str = "1.1"):
    head = "\r\n".join([f"{method} / HTTP/{version}", "Host: h", *lines, "", ""])
    return request_body_framing(parse_request_head(head.encode("latin-1")))


def of_response(*lines: str, status: int = 200, method: bytes = b"POST", version: str = "1.1"):
    head = "\r\n".join([f"HTTP/{version} {status} X", *lines, "", ""])
    return response_body_framing(parse_response_head(head.encode()), method)


def test_requests():
    assert of_request() == NO_BODY
    assert of_request("Content-Length: 0") == NO_BODY
    assert of_request("Content-Length: 0", method="GET") == NO_BODY
    assert of_request("Content-Length: 17") == ContentLength(17)
    assert of_request("Transfer-Encoding: Chunked") == CHUNKED


@pytest.mark.parametrize("value", ["+5", "-5", "05", "0x5", "5,5", "5 5", "", "1" * 19, "5.0", "\xb2", "00"])
def test_odd_lengths(value):
    with pytest.raises(MalformedMessage) as caught:
        of_request(f"Content-Length: {value}")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("lines", "method", "version", "status"),
    [
        (["Content-Length: 5", "Transfer-Encoding: chunked"], "POST", "1.1", 400),
        (["Transfer-Encoding: chunked"], "POST", "1.0", 400),
        (["Transfer-Encoding: chunked, chunked"], "POST", "1.1", 400),
        (["Transfer-Encoding: chunked , gzip"], "POST", "1.1", 400),
        (["Transfer-Encoding: gzip, chunked"], "POST", "1.1", 501),
        (["Transfer-Encoding: xchunked"], "POST", "1.1", 501),
        (["Transfer-Encoding: "], "POST", "1.1", 400),
        (["Transfer-Encoding: chunked"], "GET", "1.1", 400),
        (["Content-Length: 1"], "HEAD", "1.1", 400),
    ],
)
def test_requests_in_doubt(lines, method, version, status):
    with pytest.raises(MalformedMessage) as caught:
        of_request(*lines, method=method, version=version)
    assert caught.value.status == status


def test_responses():
    assert of_response() == UNTIL_CLOSE
    assert of_response("Content-Length: 3") == ContentLength(3)
    assert of_response("Content-Length: 0") == NO_BODY
    assert of_response("Transfer-Encoding: chunked") == CHUNKED
    assert of_response("Content-Length: 3", method=b"HEAD") == NO_BODY
    assert of_response("Content-Length: 3", status=304) == NO_BODY
    assert of_response(status=204) == NO_BODY
    assert of_response("Content-Length: 0", status=204) == NO_BODY
    assert of_response(status=100) == NO_BODY


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (["Content-Length: 1", "Transfer-Encoding: chunked"], {}),
        (["Content-Length: 1", "Content-Length: 1"], {}),
        (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], {}),
        (["Transfer-Encoding: chunked"], {"version": "1.0"}),
        (["Transfer-Encoding: gzip"], {}),
        (["Content-Length: x"], {"method": b"HEAD"}),
        (["Content-Length: 5"], {"status": 204}),
        (["Transfer-Encoding: chunked"], {"status": 204}),
    ],
)
def test_responses_in_doubt(lines, fields):
    with pytest.raises(MalformedMessage):
        of_response(*lines, **fields)
