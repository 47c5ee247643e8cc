from __future__ import annotations

import pytest

from handfast.identity.sources import counted_source, home_network, parse_source


@pytest.mark.parametrize(
    ("source", "counted", "home"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/64"),
        ("unix:", "unknown", "unknown"),
    ],
)
def test_sources_count_by_what_one_party_holds(source, counted, home):
    assert (counted_source(source), home_network(source)) == (counted, home)


def test_a_mapped_address_is_ipv4():
    address = parse_source("::ffff:192.0.2.1")
    assert address is not None
    assert address.version == 4
