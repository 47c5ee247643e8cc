from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.ntlm.flags import MAX_REMEMBERED, SUPPORTED, NegotiateFlags, negotiate_down

F = NegotiateFlags


def test_labels_are_the_specifications():
    flags = F(0xE2888235)
    assert flags.labels == (
        "NTLMSSP_NEGOTIATE_UNICODE",
        "NTLMSSP_REQUEST_TARGET",
        "NTLMSSP_NEGOTIATE_SIGN",
        "NTLMSSP_NEGOTIATE_SEAL",
        "NTLMSSP_NEGOTIATE_NTLM",
        "NTLMSSP_NEGOTIATE_ALWAYS_SIGN",
        "NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY",
        "NTLMSSP_NEGOTIATE_TARGET_INFO",
        "NTLMSSP_NEGOTIATE_VERSION",
        "NTLMSSP_NEGOTIATE_128",
        "NTLMSSP_NEGOTIATE_KEY_EXCH",
        "NTLMSSP_NEGOTIATE_56",
    )


def test_unicode_wins_over_oem():
    assert negotiate_down(F.UNICODE | F.OEM) == F.UNICODE | F.NTLM | F.TARGET_INFO


def test_oem_alone_stays():
    assert F.OEM in negotiate_down(F.OEM)


def test_a_requested_target_is_a_domain():
    assert F.TARGET_TYPE_DOMAIN in negotiate_down(F.UNICODE | F.REQUEST_TARGET)
    assert F.TARGET_TYPE_DOMAIN not in negotiate_down(F.UNICODE)


@given(st.integers(0, 2**32 - 1))
def test_nothing_is_agreed_that_was_not_offered_except_what_we_must_say(bits):
    agreed = negotiate_down(F(bits))
    unasked = agreed & ~F(bits)
    assert unasked & ~(F.NTLM | F.TARGET_INFO | F.TARGET_TYPE_DOMAIN) == 0
    assert agreed & ~(SUPPORTED | F.TARGET_INFO | F.TARGET_TYPE_DOMAIN) == 0
    assert F.LM_KEY not in agreed
    assert 0 <= agreed < 2**32


def test_what_clients_make_up_is_not_remembered_for_ever():
    for bits in range(3 * MAX_REMEMBERED):
        flags = F(bits << 8 | 1)
        assert int(flags) == bits << 8 | 1
        assert F.UNICODE in negotiate_down(flags)
    assert len(F._value2member_map_) <= MAX_REMEMBERED + 2
