from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from handfast.decision.outcome import Deny, Pass
from handfast.decision.reasons import Reason
from handfast.decision.stages.source import decide_source
from tests.fakes.identity_process import MAIL

LIMITED = replace(MAIL, networks=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")))


def decide(source, publication=LIMITED):
    return decide_source(publication, source)


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("198.51.100.9", "198.51.100.0/24"),
        ("::ffff:198.51.100.9", "198.51.100.0/24"),
        ("2001:db8::1", "2001:db8::/32"),
    ],
)
def test_the_network_that_lets_in_is_named(source, network):
    assert decide(source) == Pass(rule=f"networks {network}")


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db9::1", "unix:", "", "198.51.100.9:443"])
def test_what_is_in_no_network_or_is_no_address_is_refused(source):
    assert decide(source) == Deny(Reason.SOURCE_REFUSED, "networks", source)


@pytest.mark.parametrize("source", ["192.0.2.1", "unix:"])
def test_without_networks_everybody_may_ask(source):
    assert isinstance(decide(source, MAIL), Pass)
