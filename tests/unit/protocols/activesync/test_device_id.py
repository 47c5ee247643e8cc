"""The canonical form of device ids."""

import pytest

from handfast.protocols.activesync.device_id import canonical_device_id, checked_device_type
from handfast.protocols.errors import MalformedMessage


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        (b"", ""),
        (b"ApplF2LQK0abc", "APPLF2LQK0ABC"),
        (b"Nine2EC7EC0BB54D", "NINE2EC7EC0BB54D"),  # sixteen letters and digits are text
        (bytes(range(16)), "000102030405060708090A0B0C0D0E0F"),
        (b"A" * 64, "A" * 64),
    ],
)
def test_canonical_form(sent, canonical):
    assert canonical_device_id(sent) == canonical


@pytest.mark.parametrize("sent", [b"A" * 65, b"A B", b"a-b", b"0123456789ABCDE-", b"\x00" * 17, b"\xe4"])
def test_other_bytes_are_no_device_id(sent):
    with pytest.raises(MalformedMessage, match="DeviceId"):
        canonical_device_id(sent)


def test_device_type_keeps_its_case():
    assert checked_device_type(b"iPhone") == "iPhone"
    assert checked_device_type(b"Moto-G_2 v1.0") == "Moto-G_2 v1.0"
    assert checked_device_type(b"") == ""


@pytest.mark.parametrize("sent", [b"A" * 65, b"i/Phone", b"a&b", b"a=b", b"\x00", b"\xff"])
def test_other_bytes_are_no_device_type(sent):
    with pytest.raises(MalformedMessage, match="DeviceType"):
        checked_device_type(sent)
