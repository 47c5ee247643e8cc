from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handfast.protocols.ntlm.av_pairs import AvFlags, AvId
from handfast.protocols.ntlm.challenge import ServerNames, encode_challenge
from handfast.protocols.ntlm.channel_bindings import tls_server_end_point_binding
from handfast.protocols.ntlm.flags import NegotiateFlags
from handfast.protocols.ntlm.hashes import (
    exchanged_session_key,
    message_integrity_code,
    nt_hash,
    nt_proof,
    ntowf_v2,
    session_base_key,
)
from handfast.protocols.ntlm.messages import AuthenticateMessage, parse_authenticate, parse_negotiate
from handfast.protocols.ntlm.ntlmv2_response import encode_temp, parse_ntlmv2_response
from handfast.protocols.ntlm.verify import (
    NtlmExpectation,
    NtlmProofResult,
    NtlmRefusal,
    check_form,
    verify_proof,
)
from tests.fakes.ntlm_client import NtlmClient

F = NegotiateFlags
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = ServerNames("EXAMPLE", "GATEWAY", "example.test", "gateway.example.test")
CHALLENGE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
BINDING = tls_server_end_point_binding(bytes(range(32)))
PASSWORD = "abcde-fghij-klmno-pqrst-uvwxy"
DECOYS = [bytes([i]) * 16 for i in range(1, 16)]
CLIENT = NtlmClient("alice", "EXAMPLE", PASSWORD, NOW)


def sign_in(client=CLIENT, *, hashes=None, tamper=lambda raw: raw, **policy):
    """The whole handshake: the client's messages against our challenge; what `verify_proof` says."""
    negotiate = client.negotiate()
    challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(negotiate).flags)
    raw = tamper(client.authenticate(challenge))
    expectation = NtlmExpectation(
        **{
            "server_challenge": CHALLENGE,
            "negotiate_message": negotiate,
            "challenge_message": challenge,
            "now": NOW,
            "channel_binding": BINDING,
            "binding_mode": "allow",
            "spn_hosts": frozenset({"mail.example.test"}),
            "require_mic": True,
            **policy,
        }
    )
    return verify_proof(
        parse_authenticate(raw), raw, expectation, [*DECOYS, nt_hash(PASSWORD)] if hashes is None else hashes
    )


ACCEPTED = NtlmProofResult(15)


def refused(reason):
    return NtlmProofResult(15, reason)


def test_a_modern_client_is_accepted():
    result = sign_in()
    assert result == ACCEPTED
    assert result.is_accepted


def test_the_place_of_the_hash_is_told_and_the_first_of_two_wins():
    assert sign_in(hashes=[nt_hash(PASSWORD), *DECOYS]).index == 0
    assert sign_in(hashes=[*DECOYS[:3], nt_hash(PASSWORD), nt_hash(PASSWORD)]).index == 3


@pytest.mark.parametrize("hashes", [[], DECOYS])
def test_no_hash_fits(hashes):
    result = sign_in(hashes=hashes)
    assert result == NtlmProofResult(None)
    assert not result.is_accepted


def test_every_hash_is_tried_even_after_a_hit(monkeypatch):
    from handfast.protocols.ntlm import verify

    tried = []
    real = verify.hmac.compare_digest
    monkeypatch.setattr(verify.hmac, "compare_digest", lambda a, b: tried.append(len(a)) or real(a, b))
    sign_in(
        hashes=[nt_hash(PASSWORD), *DECOYS], require_mic=False, client=replace(CLIENT, promises_mic=False)
    )
    assert tried == [16] * 16


def test_the_name_is_folded_and_the_domain_taken_as_sent():
    assert sign_in(replace(CLIENT, user="ALICE")).is_accepted
    assert sign_in(replace(CLIENT, user="alice@example.test", domain="")).is_accepted
    assert sign_in(replace(CLIENT, domain="")).is_accepted


@pytest.mark.parametrize("user", ["jürgen", "weiß", "用户", "пользователь", "o'neil & sons", "a\U0001f600b"])
def test_any_character_in_a_name(user):
    assert sign_in(replace(CLIENT, user=user)).is_accepted


@pytest.mark.parametrize("spelling", [str.upper, lambda name: "GRüßER"])
def test_clients_with_another_upper_case(spelling):
    user = "grüßer"
    challenge = encode_challenge(CHALLENGE, NAMES, NOW, F.UNICODE)
    temp = encode_temp(135379838450000000, b"c" * 8, {AvId.NB_DOMAIN_NAME: b"D\x00"})
    import hmac

    key = hmac.digest(nt_hash(PASSWORD), (spelling(user) + "EXAMPLE").encode("utf-16-le"), "md5")
    message = AuthenticateMessage(
        F.UNICODE, user, "EXAMPLE", nt_response=nt_proof(key, CHALLENGE, temp) + temp
    )
    expectation = NtlmExpectation(
        CHALLENGE,
        b"",
        challenge,
        NOW,
        b"",
        "allow",
        frozenset(),
        require_mic=False,
        max_skew=timedelta(days=36500),
    )
    assert verify_proof(message, b"", expectation, [*DECOYS, nt_hash(PASSWORD)]) == ACCEPTED


class TestProof:
    def test_another_challenge(self):
        assert sign_in(server_challenge=b"87654321") == NtlmProofResult(None)

    def test_another_name_around_the_same_proof(self):
        name = "alice".encode("utf-16-le")
        assert sign_in(tamper=lambda raw: raw.replace(name, "alicf".encode("utf-16-le"))).index is None

    def test_another_domain_around_the_same_proof(self):
        tampered = sign_in(
            tamper=lambda raw: raw.replace("EXAMPLE".encode("utf-16-le"), "EXAMPLF".encode("utf-16-le"), 1)
        )
        assert tampered.index is None

    def test_every_changed_bit_of_temp_spoils_it(self):
        client = replace(CLIENT, channel_binding=BINDING, target_name="HTTP/mail.example.test")
        challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(client.negotiate()).flags)
        raw = client.authenticate(challenge)
        response_at = raw.index(parse_authenticate(raw).nt_response)
        for at in range(response_at, response_at + len(parse_authenticate(raw).nt_response)):
            spoilt = sign_in(
                client, tamper=lambda raw, at=at: raw[:at] + bytes((raw[at] ^ 4,)) + raw[at + 1 :]
            )
            assert spoilt.index is None


class TestMic:
    def test_with_the_base_key(self):
        assert sign_in(replace(CLIENT, key_exchange="base")) == ACCEPTED
        assert sign_in(replace(CLIENT, key_exchange="none")) == ACCEPTED

    def test_with_a_fresh_key_and_neither_sign_nor_seal(self):
        flags = CLIENT.flags & ~(F.SIGN | F.SEAL)
        assert sign_in(replace(CLIENT, flags=flags)) == ACCEPTED

    def test_a_key_announced_and_not_exchanged(self):
        assert sign_in(replace(CLIENT, key_exchange="broken")) == refused(NtlmRefusal.MIC)

    @pytest.mark.parametrize("length", [0, 1, 15])
    def test_a_man_in_the_middle_can_not_shorten_the_key_and_sign_anew(self, length):
        """With no or a short exchanged key he would know, or could guess, the key of the MIC."""
        client = replace(CLIENT, flags=CLIENT.flags & ~(F.SIGN | F.SEAL))

        def forge(raw):
            shortened = raw[:52] + length.to_bytes(2, "little") + raw[54:72] + bytes(16) + raw[88:]
            challenge = encode_challenge(CHALLENGE, NAMES, NOW, parse_negotiate(client.negotiate()).flags)
            key = exchanged_session_key(base_key(raw), parse_authenticate(shortened).encrypted_session_key)
            assert len(key) == length
            mic = message_integrity_code(key, client.negotiate(), challenge, shortened)
            return shortened[:72] + mic + shortened[88:]

        def base_key(raw):
            message = parse_authenticate(raw)
            response_key = ntowf_v2(nt_hash(PASSWORD), message.user, message.domain)
            return session_base_key(response_key, message.nt_response[:16])

        assert sign_in(client, tamper=forge) == refused(NtlmRefusal.MIC)

    def test_key_exchange_with_signing_and_no_key_to_exchange(self):
        def claim(raw):
            return (
                raw[:60]
                + int(F(int.from_bytes(raw[60:64], "little")) | F.SIGN).to_bytes(4, "little")
                + raw[64:]
            )

        assert sign_in(replace(CLIENT, key_exchange="base"), tamper=claim) == refused(NtlmRefusal.MIC)

    @pytest.mark.parametrize("require_mic", [True, False])
    @pytest.mark.parametrize("at", [60, 63, 64, 72, 87, 54, 14])
    def test_any_change_outside_the_proof(self, at, require_mic):
        def flip(raw):
            return raw[:at] + bytes((raw[at] ^ 2,)) + raw[at + 1 :]

        result = sign_in(tamper=flip, require_mic=require_mic)
        assert result == refused(NtlmRefusal.MIC)
        assert not result.is_accepted

    @pytest.mark.parametrize("earlier", ["negotiate_message", "challenge_message"])
    def test_it_covers_the_messages_before(self, earlier):
        assert sign_in(**{earlier: b"NTLMSSP\x00another"}) == refused(NtlmRefusal.MIC)

    @pytest.mark.parametrize("require_mic", [True, False])
    def test_promised_and_not_sent(self, require_mic):
        assert sign_in(replace(CLIENT, sends_mic=False), require_mic=require_mic) == refused(NtlmRefusal.MIC)

    @pytest.mark.parametrize("require_mic", [True, False])
    def test_promised_and_zeroed_on_the_way(self, require_mic):
        zero = lambda raw: raw[:72] + bytes(16) + raw[88:]
        assert sign_in(tamper=zero, require_mic=require_mic) == refused(NtlmRefusal.MIC)

    def test_never_promised(self):
        old = replace(CLIENT, promises_mic=False, sends_mic=False)
        assert sign_in(old, require_mic=False) == ACCEPTED
        assert sign_in(old, require_mic=True) == refused(NtlmRefusal.MIC)


class TestBinding:
    RIGHT = replace(CLIENT, channel_binding=BINDING)
    WRONG = replace(CLIENT, channel_binding=b"w" * 16)
    ZERO = replace(CLIENT, channel_binding=bytes(16))

    @pytest.mark.parametrize(
        ("client", "mode", "refusal"),
        [
            (RIGHT, "off", None),
            (RIGHT, "allow", None),
            (RIGHT, "require", None),
            (WRONG, "off", None),
            (WRONG, "allow", NtlmRefusal.BINDING_WRONG),
            (WRONG, "require", NtlmRefusal.BINDING_WRONG),
            (ZERO, "off", None),
            (ZERO, "allow", None),
            (ZERO, "require", NtlmRefusal.BINDING_MISSING),
            (CLIENT, "off", None),
            (CLIENT, "allow", None),
            (CLIENT, "require", NtlmRefusal.BINDING_MISSING),
        ],
    )
    def test_modes(self, client, mode, refusal):
        assert sign_in(client, binding_mode=mode) == NtlmProofResult(15, refusal)

    def test_a_binding_where_we_have_no_tls(self):
        assert sign_in(self.RIGHT, channel_binding=b"") == refused(NtlmRefusal.BINDING_WRONG)
        assert sign_in(self.RIGHT, channel_binding=b"", binding_mode="off") == ACCEPTED

    def test_a_zero_binding_never_equals_none_of_ours(self):
        assert sign_in(self.ZERO, channel_binding=b"", binding_mode="require") == refused(
            NtlmRefusal.BINDING_MISSING
        )


class TestTarget:
    @pytest.mark.parametrize(
        "spn", ["HTTP/mail.example.test", "http/MAIL.EXAMPLE.TEST:443", "host/unspecified"]
    )
    def test_ours(self, spn):
        assert sign_in(replace(CLIENT, target_name=spn)) == ACCEPTED

    @pytest.mark.parametrize(
        "spn", ["HTTP/intranet.example.test", "cifs/mail.example.test", "mail.example.test"]
    )
    def test_another_service(self, spn):
        assert sign_in(replace(CLIENT, target_name=spn)) == refused(NtlmRefusal.SPN)

    def test_a_name_the_client_does_not_vouch_for(self):
        client = replace(CLIENT, target_name="HTTP/elsewhere.test", av_flags=AvFlags.UNTRUSTED_SPN)
        assert sign_in(client) == ACCEPTED


class TestTime:
    @pytest.mark.parametrize("offset", [timedelta(hours=36), -timedelta(hours=36), timedelta(0)])
    def test_within(self, offset):
        assert sign_in(replace(CLIENT, now=NOW + offset)) == ACCEPTED

    @pytest.mark.parametrize(
        "offset", [timedelta(hours=36, microseconds=1), -timedelta(hours=36, microseconds=1)]
    )
    def test_beyond(self, offset):
        assert sign_in(replace(CLIENT, now=NOW + offset)) == refused(NtlmRefusal.TIMESTAMP)

    def test_a_narrower_limit(self):
        late = replace(CLIENT, now=NOW + timedelta(minutes=6))
        assert sign_in(late, max_skew=timedelta(minutes=5)) == refused(NtlmRefusal.TIMESTAMP)

    def test_the_echoed_time_counts_too(self):
        later = NOW + timedelta(hours=50)
        assert sign_in(replace(CLIENT, now=later), now=later) == refused(NtlmRefusal.TIMESTAMP)


LM_OF = {"ntlm_v1": "lm_v1_response", "ntlm2_session": "ntlm2_session_lm_response"}


class TestForm:
    V2 = AuthenticateMessage(
        F.UNICODE, "alice", "", nt_response=b"p" * 16 + encode_temp(0, b"c" * 8, {2: b"D\x00"})
    )

    def test_ntlmv2_passes(self):
        assert check_form(self.V2) is None

    @pytest.mark.parametrize("kind", ["ntlm_v1", "ntlm2_session"])
    def test_older_versions_of_the_specification(self, spec, kind):
        responses = spec["refused"]
        message = replace(
            self.V2,
            user="User",
            domain="Domain",
            nt_response=bytes.fromhex(responses[f"{kind}_nt_response"]),
            lm_response=bytes.fromhex(responses[LM_OF[kind]]),
        )
        assert check_form(message) is NtlmRefusal.VERSION
        expectation = NtlmExpectation(
            bytes.fromhex(spec["server_challenge"]), b"", b"", NOW, b"", "off", frozenset(), require_mic=False
        )
        assert verify_proof(message, b"", expectation, [nt_hash("Password")]) == NtlmProofResult(
            None, NtlmRefusal.VERSION
        )

    def test_lm_alone(self, spec):
        message = replace(self.V2, nt_response=b"", lm_response=bytes.fromhex(spec["lm_v2_response"]))
        assert check_form(message) is NtlmRefusal.VERSION

    @pytest.mark.parametrize(
        "message",
        [
            AuthenticateMessage(F.UNICODE, "", ""),
            AuthenticateMessage(F.UNICODE, "", "", lm_response=b"\x00"),
            replace(V2, user=""),
            replace(V2, user="Guest"),
            replace(V2, flags=F.UNICODE | F.ANONYMOUS),
        ],
    )
    def test_nobody_in_particular(self, message):
        assert check_form(message) is NtlmRefusal.ANONYMOUS

    @pytest.mark.parametrize("nt_response", [b"x" * 25, b"p" * 16 + encode_temp(0, b"c" * 8, {}), b"x" * 100])
    def test_unreadable(self, nt_response):
        assert check_form(replace(self.V2, nt_response=nt_response)) is NtlmRefusal.MALFORMED


def test_the_exchange_of_the_specification(spec):
    raw = bytes.fromhex(spec["authenticate_message"])
    expectation = NtlmExpectation(
        server_challenge=bytes.fromhex(spec["server_challenge"]),
        negotiate_message=b"",
        challenge_message=bytes.fromhex(spec["challenge_message"]),
        now=datetime(1601, 1, 1, tzinfo=UTC),
        channel_binding=b"",
        binding_mode="allow",
        spn_hosts=frozenset(),
        require_mic=False,
    )
    hashes = [nt_hash("password"), nt_hash(spec["password"])]
    assert verify_proof(parse_authenticate(raw), raw, expectation, hashes) == NtlmProofResult(1)
    today = replace(expectation, now=NOW)
    assert verify_proof(parse_authenticate(raw), raw, today, hashes) == NtlmProofResult(
        1, NtlmRefusal.TIMESTAMP
    )


def test_the_exchange_of_chromium(chromium):
    raw = bytes.fromhex(chromium["authenticate_message"])
    expectation = NtlmExpectation(
        server_challenge=bytes.fromhex(chromium["server_challenge"]),
        negotiate_message=bytes.fromhex(chromium["negotiate_message"]),
        challenge_message=bytes.fromhex(chromium["challenge_message"]),
        now=moment(chromium["timestamp"]),
        channel_binding=tls_server_end_point_binding(bytes.fromhex(chromium["certificate_hash"])),
        binding_mode="require",
        spn_hosts=frozenset({chromium["spn_host"].lower()}),
        require_mic=True,
    )
    hashes = [nt_hash(chromium["password"])]
    assert verify_proof(parse_authenticate(raw), raw, expectation, hashes) == NtlmProofResult(0)
    assert ntowf_v2(hashes[0], "User", "Domain").hex() == "0c868a403bfd7a93a3001ef22ef02e3f"


def test_the_exchange_of_curl_with_a_name_beyond_ascii(curl):
    raw = bytes.fromhex(curl["authenticate_message"])
    message = parse_authenticate(raw)
    assert (message.user, message.domain, message.mic, message.version) == (
        curl["user"],
        curl["domain"],
        b"",
        b"",
    )
    expectation = NtlmExpectation(
        server_challenge=bytes.fromhex(curl["server_challenge"]),
        negotiate_message=bytes.fromhex(curl["negotiate_message"]),
        challenge_message=bytes.fromhex(curl["challenge_message"]),
        now=moment(parse_ntlmv2_response(message.nt_response).timestamp),
        channel_binding=BINDING,
        binding_mode="allow",
        spn_hosts=frozenset(),
        require_mic=False,
    )
    hashes = [nt_hash("wrong"), nt_hash(curl["password"])]
    assert verify_proof(message, raw, expectation, hashes) == NtlmProofResult(1)
    assert verify_proof(message, raw, expectation, hashes[:1]) == NtlmProofResult(None)
    strict = replace(expectation, require_mic=True)
    assert verify_proof(message, raw, strict, hashes) == NtlmProofResult(1, NtlmRefusal.MIC)
    bound = replace(expectation, binding_mode="require")
    assert verify_proof(message, raw, bound, hashes) == NtlmProofResult(1, NtlmRefusal.BINDING_MISSING)


def moment(filetime):
    return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=filetime // 10)


def test_every_refusal_says_what_it_means():
    assert all(len(refusal.meaning) > 20 for refusal in NtlmRefusal)
    assert len({refusal.meaning for refusal in NtlmRefusal}) == len(NtlmRefusal)


def test_no_secret_shows():
    assert "NTLMSSP" not in repr(
        NtlmExpectation(CHALLENGE, b"NTLMSSP", b"NTLMSSP", NOW, b"", "off", frozenset(), require_mic=False)
    )
