from __future__ import annotations

from handfast.identity.names import fold
from tests.fakes.identity_process import NAMES, IdentityProcess


def test_the_names_our_challenge_shows_mean_no_domain():
    neutral = IdentityProcess().services.neutral_domains
    assert neutral == {fold(NAMES.netbios_domain), fold(NAMES.dns_domain)}
    assert "HANDFAST" in neutral


def test_two_processes_share_no_memory():
    one, other = IdentityProcess().services, IdentityProcess().services
    assert one.recent is not other.recent
    assert one.networks is not other.networks
    assert one.delays is not other.delays
    assert one.challenges is not other.challenges
