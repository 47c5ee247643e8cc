import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.messages import (
    AuthenticateMessage,
    NegotiateMessage,
    message_type,
    parse_authenticate,
    parse_challenge,
    parse_negotiate,
)

F = NegotiateFlags
HEAD = b"NTLMSSP\x00"
CURL_NEGOTIATE = bytes.fromhex("4e544c4d5353500001000000068208000000000000000000000000000000000000000000")[
    :32
]
WINDOWS_NEGOTIATE = bytes.fromhex(
    "4e544c4d53535000010000009782 08e2000000000000000000000000000000000a00614a0000000f".replace(" ", "")
)


def test_curl_negotiates_without_version():
    assert parse_negotiate(CURL_NEGOTIATE) == NegotiateMessage(F(0x00088206))


def test_windows_negotiates_with_version():
    message = parse_negotiate(WINDOWS_NEGOTIATE)
    assert message.version == bytes.fromhex("0a00614a0000000f")
    assert F.VERSION in message.flags


def test_the_shortest_negotiate_ends_after_its_flags():
    assert parse_negotiate(HEAD + struct.pack("<II", 1, F.OEM)) == NegotiateMessage(F.OEM)


def test_version_flag_without_version():
    assert parse_negotiate(HEAD + struct.pack("<II", 1, F.UNICODE | F.VERSION) + bytes(16)).version == b""


def test_names_of_a_negotiate_count_only_when_announced():
    fields = struct.pack("<HHI", 3, 3, 32) + struct.pack("<HHI", 2, 2, 35) + b"DOMPC"
    unannounced = HEAD + struct.pack("<II", 1, F.OEM) + fields
    assert parse_negotiate(unannounced).domain == ""
    both = F.OEM | F.OEM_DOMAIN_SUPPLIED | F.OEM_WORKSTATION_SUPPLIED
    announced = parse_negotiate(HEAD + struct.pack("<II", 1, both) + fields)
    assert (announced.domain, announced.workstation) == ("DOM", "PC")


@pytest.mark.parametrize(
    "data",
    [
        HEAD + struct.pack("<I", 1) + b"\x01\x00\x00",
        HEAD + struct.pack("<II", 1, F.NTLM),
        HEAD + struct.pack("<II", 2, F.UNICODE),
        HEAD + struct.pack("<II", 1, F.OEM | F.OEM_DOMAIN_SUPPLIED) + bytes(15),
        HEAD + struct.pack("<II", 1, F.OEM | F.OEM_WORKSTATION_SUPPLIED) + bytes(15),
        HEAD
        + struct.pack("<II", 1, F.OEM | F.OEM_DOMAIN_SUPPLIED)
        + struct.pack("<HHI", 3, 3, 31)
        + bytes(11),
    ],
)
def test_negotiates_refused(data):
    with pytest.raises(MalformedMessage):
        parse_negotiate(data)


def test_the_challenge_of_the_specification(spec):
    message = parse_challenge(bytes.fromhex(spec["challenge_message"]))
    assert message.flags == int(spec["challenge_flags"], 16)
    assert message.server_challenge.hex() == spec["server_challenge"]
    assert message.target_name == "Server"
    assert message.target_info.hex() == spec["target_info"]
    assert message.version.hex() == "060070170000000f"


def test_the_authenticate_of_the_specification(spec):
    raw = bytes.fromhex(spec["authenticate_message"])
    message = parse_authenticate(raw)
    assert message.flags == int(spec["authenticate_flags"], 16)
    assert (message.user, message.domain, message.workstation) == ("User", "Domain", "COMPUTER")
    assert message.lm_response.hex() == spec["lm_v2_response"]
    assert message.nt_response.hex() == spec["nt_proof"] + spec["temp"]
    assert message.encrypted_session_key.hex() == spec["encrypted_session_key"]
    assert message.version.hex() == "0501280a0000000f"
    assert message.mic == b""  # its payload starts at 72


def test_the_authenticate_of_chromium_has_room_for_a_mic(chromium):
    message = parse_authenticate(bytes.fromhex(chromium["authenticate_message"]))
    assert message.mic.hex() == chromium["mic"]
    assert message.version == bytes(8)
    assert message.flags & (F.UNICODE | F.OEM) == F.UNICODE | F.OEM
    assert message.user == "User"  # both charsets announced: Unicode


def authenticate(payload_at, payload=b"", *, flags=F.UNICODE, user=(0, 0), tail=b""):
    user_field = struct.pack("<HHI", user[0], user[0], user[1])
    empty = struct.pack("<HHI", 0, 0, payload_at)
    fixed = HEAD + struct.pack("<I", 3) + empty * 3 + user_field + empty * 2 + struct.pack("<I", flags)
    return fixed + tail + payload


@pytest.mark.parametrize(
    ("payload_at", "has_version", "has_mic"),
    [(64, False, False), (72, True, False), (87, True, False), (88, True, True), (90, True, True)],
)
def test_where_the_payload_begins_tells_version_and_mic(payload_at, has_version, has_mic):
    raw = authenticate(
        payload_at, "u".encode("utf-16-le"), user=(2, payload_at), tail=b"\x07" * (payload_at - 64)
    )
    message = parse_authenticate(raw)
    assert message.user == "u"
    assert message.version == (b"\x07" * 8 if has_version else b"")
    assert message.mic == (b"\x07" * 16 if has_mic else b"")


def test_an_authenticate_without_any_field():
    assert parse_authenticate(authenticate(64)) == AuthenticateMessage(F.UNICODE, "", "")


def test_oem_names():
    raw = authenticate(64, b"j\xfcrgen", flags=F.OEM, user=(6, 64))
    assert parse_authenticate(raw).user == "jürgen"


@pytest.mark.parametrize("user", [(2, 63), (2, 0), (4, 64), (2, 65), (0xFFFF, 64), (2, 0xFFFFFFFF), (1, 64)])
def test_fields_out_of_bounds(user):
    with pytest.raises(MalformedMessage):
        parse_authenticate(authenticate(64, b"u\x00", user=user))


def test_no_secret_shows(spec):
    shown = repr(parse_authenticate(bytes.fromhex(spec["authenticate_message"])))
    assert "nt_response" not in shown
    assert "session_key" not in shown


PARSERS = {1: parse_negotiate, 2: parse_challenge, 3: parse_authenticate}


def read(data):
    """Every parser on the same bytes: a value or `MalformedMessage`, and a value for at most one type."""
    values = []
    for parse in PARSERS.values():
        try:
            values.append(parse(data))
        except MalformedMessage:
            continue
    assert len(values) <= 1
    return values


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", HEAD, *(HEAD + bytes((kind, 0, 0, 0)) for kind in (1, 2, 3))]),
)
@example(b"", b"")
def test_any_bytes_give_a_value_or_malformed(data, head):
    read(head + data)


@pytest.mark.parametrize("name", ["challenge_message", "authenticate_message"])
@pytest.mark.parametrize("source", ["spec", "chromium"])
def test_truncations_and_flips_of_published_messages(name, source, request):
    raw = bytes.fromhex(request.getfixturevalue(source)[name])
    for end in range(len(raw)):
        assert (
            not read(raw[:end]) or end >= 32
        )  # Nothing of a truncated message is taken for whole fields beyond it.
    for at in range(len(raw)):
        for value in (0x00, 0xFF, raw[at] ^ 0x01, raw[at] ^ 0x80):
            read(raw[:at] + bytes((value,)) + raw[at + 1 :])


def test_every_truncation_of_an_authenticate_is_refused(spec):
    raw = bytes.fromhex(spec["authenticate_message"])
    for end in range(len(raw)):
        with pytest.raises(MalformedMessage):
            parse_authenticate(raw[:end])


def test_message_type_is_offered_here_too(spec):
    assert message_type(bytes.fromhex(spec["challenge_message"])) == 2
