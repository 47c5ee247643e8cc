import pytest

from handfast.gateway.head_memory import KEPT_SECONDS, HeadMemory, understand
from handfast.gateway.wheel import NEVER
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http1.framing import ContentLength
from handfast.protocols.http1.head import parse_request_head

ONE = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: keep-alive, X-A\r\n\r\n"
OTHER = ONE.replace(b"/x", b"/y")


class FakeWheel:
    def watch(self, item, deadline):
        item.deadline = deadline


@pytest.fixture
def memory():
    return HeadMemory(FakeWheel())


def keep(memory, data, now=0.0):
    understood = understand(parse_request_head(data))
    memory.keep(data, understood, now)
    return understood


def test_a_head_is_understood_once():
    understood = understand(parse_request_head(ONE))
    assert understood.framing == ContentLength(3)
    assert understood.options == {b"keep-alive", b"x-a"}


def test_a_head_without_a_clear_end_is_not_understood():
    with pytest.raises(MalformedMessage):
        understand(parse_request_head(ONE.replace(b"Content-Length: 3", b"Transfer-Encoding: gzip")))


def test_only_what_comes_twice_in_a_row_is_kept(memory):
    keep(memory, ONE)
    assert memory.find(ONE) is None
    keep(memory, OTHER)
    keep(memory, ONE)
    assert memory.find(ONE) is None
    understood = keep(memory, ONE)
    assert memory.find(ONE) is understood
    assert memory.find(OTHER) is None


def test_another_head_replaces_what_was_kept(memory):
    keep(memory, ONE)
    keep(memory, ONE)
    keep(memory, OTHER)
    assert memory.find(ONE) is None


def test_what_is_not_asked_for_is_forgotten_within_seconds(memory):
    keep(memory, ONE)
    understood = keep(memory, ONE, 10.0)
    assert memory.deadline == 10.0 + KEPT_SECONDS
    memory.on_deadline(12.0)
    assert memory.find(ONE) is understood
    memory.on_deadline(14.0)
    memory.on_deadline(16.0)
    assert memory.find(ONE) is None
    assert memory.deadline == NEVER
