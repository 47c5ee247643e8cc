from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.ntlm.encoding import encode_authenticate, encode_challenge_message, encode_negotiate
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.messages import (
    AuthenticateMessage,
    ChallengeMessage,
    NegotiateMessage,
    parse_authenticate,
    parse_challenge,
    parse_negotiate,
)

F = NegotiateFlags
names = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)
flag_bits = st.integers(0, 2**32 - 1)
version = st.binary(min_size=8, max_size=8)


def test_the_messages_of_the_specification_byte_for_byte(spec):
    challenge = bytes.fromhex(spec["challenge_message"])
    assert encode_challenge_message(parse_challenge(challenge)) == challenge
    authenticate = bytes.fromhex(spec["authenticate_message"])
    assert encode_authenticate(parse_authenticate(authenticate)) == authenticate


@given(flag_bits, names, names, version)
def test_negotiate_round_trip(bits, domain, workstation, version):
    flags = F(bits) | F.OEM | F.OEM_DOMAIN_SUPPLIED | F.OEM_WORKSTATION_SUPPLIED | F.VERSION
    message = NegotiateMessage(flags, domain, workstation, version)
    # The payload follows the version, as the fixed part says.
    assert parse_negotiate(encode_negotiate(message)) == message


@given(flag_bits, st.binary(min_size=8, max_size=8), names, st.binary(max_size=200), version)
def test_challenge_round_trip(bits, server_challenge, name, target_info, version):
    message = ChallengeMessage(F(bits) | F.VERSION, server_challenge, name, target_info, version)
    assert parse_challenge(encode_challenge_message(message)) == message


def test_a_challenge_without_version_keeps_its_place():
    message = ChallengeMessage(F.UNICODE, b"12345678", "N", b"info")
    raw = encode_challenge_message(message)
    assert raw[48:56] == bytes(8)
    assert parse_challenge(raw) == message


@given(
    st.builds(
        AuthenticateMessage,
        flags=flag_bits.map(F),
        user=names,
        domain=names,
        workstation=names,
        nt_response=st.binary(max_size=300),
        lm_response=st.binary(max_size=30),
        encrypted_session_key=st.binary(max_size=20),
        version=version,
        mic=st.sampled_from([b"", bytes(range(16))]),
    )
)
def test_authenticate_round_trip(message):
    raw = encode_authenticate(message)
    assert parse_authenticate(raw) == message


def test_a_mic_makes_room_for_the_version_before_it():
    raw = encode_authenticate(AuthenticateMessage(F.UNICODE, "u", "d", mic=b"m" * 16))
    assert raw[64:88] == bytes(8) + b"m" * 16
    assert encode_authenticate(AuthenticateMessage(F.UNICODE, "u", "d"))[64:66] == "d".encode("utf-16-le")
