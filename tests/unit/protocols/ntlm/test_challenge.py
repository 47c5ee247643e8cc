from datetime import UTC, datetime

import pytest

from handfast.protocols.ntlm.av_pairs import AvId, parse_av_pairs
from handfast.protocols.ntlm.challenge import ServerNames, encode_challenge
from handfast.protocols.ntlm.filetime import filetime_from_datetime
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.messages import parse_challenge

F = NegotiateFlags
NAMES = ServerNames("EXAMPLE", "GATEWAY", "example.test", "gateway.example.test")
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("bits", [F.OEM, F.UNICODE, 0xE2088297, 0x00088207, 0x22888205])
def test_every_client_gets_all_names_and_the_time(bits):
    parsed = parse_challenge(encode_challenge(b"12345678", NAMES, NOW, F(bits)))
    pairs = parse_av_pairs(parsed.target_info)
    time = pairs.pop(AvId.TIMESTAMP)
    assert int.from_bytes(time, "little") == filetime_from_datetime(NOW)
    assert {av_id: value.decode("utf-16-le") for av_id, value in pairs.items()} == {
        AvId.NB_DOMAIN_NAME: "EXAMPLE",
        AvId.NB_COMPUTER_NAME: "GATEWAY",
        AvId.DNS_DOMAIN_NAME: "example.test",
        AvId.DNS_COMPUTER_NAME: "gateway.example.test",
    }
    assert parsed.server_challenge == b"12345678"
    assert F.TARGET_INFO in parsed.flags


def test_the_target_is_named_when_requested():
    asked = parse_challenge(encode_challenge(b"12345678", NAMES, NOW, F.UNICODE | F.REQUEST_TARGET))
    assert (asked.target_name, F.TARGET_TYPE_DOMAIN in asked.flags) == ("EXAMPLE", True)
    unasked = parse_challenge(encode_challenge(b"12345678", NAMES, NOW, F.UNICODE))
    assert (unasked.target_name, F.TARGET_TYPE_DOMAIN in unasked.flags) == ("", False)


def test_the_version_says_nothing_of_the_product():
    with_version = parse_challenge(encode_challenge(b"12345678", NAMES, NOW, F.UNICODE | F.VERSION))
    assert with_version.version == bytes((10, 0, 0, 0, 0, 0, 0, 15))
    assert parse_challenge(encode_challenge(b"12345678", NAMES, NOW, F.UNICODE)).version == b""


def test_a_challenge_of_another_length():
    with pytest.raises(ValueError, match="8 bytes"):
        encode_challenge(b"1234567", NAMES, NOW, F.UNICODE)


def test_another_implementation_reads_it():
    from spnego._ntlm_raw.messages import Challenge

    read = Challenge.unpack(encode_challenge(b"12345678", NAMES, NOW, F(0xE2088297)))
    assert read.target_name == "EXAMPLE"
    assert read.server_challenge == b"12345678"
    assert [int(av_id) for av_id in read.target_info] == [2, 1, 4, 3, 7, 0] or set(
        map(int, read.target_info)
    ) >= {1, 2, 3, 4, 7}
