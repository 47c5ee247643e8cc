"""Text inside a query."""

import pytest

from handfast.protocols.activesync.text_value import MAX_VALUE_BYTES, decode_text
from handfast.protocols.errors import MalformedMessage


def test_text():
    assert decode_text("User", "bär".encode()) == "bär"
    assert decode_text("User", b"a" * MAX_VALUE_BYTES) == "a" * MAX_VALUE_BYTES


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"a" * (MAX_VALUE_BYTES + 1), "longer"),
        (b"ab\xff", "not UTF-8 at byte 2"),
        (b"\xc0\xaf", "not UTF-8"),
        (b"\x00", "control"),
        (b"\x7f", "control"),
        (b"\xc2\x9b", "control"),
    ],
)
def test_refused(raw, problem):
    with pytest.raises(MalformedMessage, match=problem):
        decode_text("User", raw)
