import pytest

from handfast.gateway.body import BodyReader
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.framing import CHUNKED, NO_BODY, ContentLength


def test_no_body_is_done():
    assert BodyReader(NO_BODY).is_done


def test_a_counted_body_and_what_follows():
    body = BodyReader(ContentLength(5))
    assert (body.feed(b"ab"), body.is_done, body.bytes_left) == ([b"ab"], False, 3)
    assert (body.feed(b"cdeNEXT"), body.is_done, body.rest) == ([b"cde"], True, b"NEXT")
    assert body.received == 5


def test_a_chunked_body_and_what_follows():
    body = BodyReader(CHUNKED)
    assert body.bytes_left is None
    assert body.feed(b"2\r\nab\r\n0\r\n\r\nNEXT") == [b"ab"]
    assert (body.is_done, body.rest, body.received, body.bytes_left) == (True, b"NEXT", 2, 0)
    with pytest.raises(MalformedMessage):
        BodyReader(CHUNKED).feed(b"x\r\n")
