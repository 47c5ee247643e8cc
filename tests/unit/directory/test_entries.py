from __future__ import annotations

import pytest

from handfast.directory.entries import Entry, Range, build_entry, parse_extended_dn
from handfast.protocols.errors import MalformedMessage

GUID = b"<GUID=7d2fefae-731d-4999-9af7-29f13798e2ab>"


def test_attributes_are_found_in_any_case_and_empty_ones_are_not_there():
    entry = build_entry("CN=a", {"sAMAccountName": [b"a"], "mail": [], "memberOf": [b"1", b"2"]})
    assert entry == Entry("CN=a", {"samaccountname": [b"a"], "memberof": [b"1", b"2"]})
    assert entry.first("SAMACCOUNTNAME") == entry.require("sAMAccountName") == b"a"
    assert entry.first("mail") is None


def test_one_value_is_one():
    entry = build_entry("CN=a", {"memberOf": [b"1", b"2"]})
    with pytest.raises(MalformedMessage, match="more than one value"):
        entry.first("memberOf")
    with pytest.raises(MalformedMessage, match="not there"):
        entry.require("mail")


def test_a_first_part_is_known_as_one():
    entry = build_entry("CN=a", {"member": [], "member;range=0-1499": [b"1"], "cn": [b"a"]})
    assert entry == Entry("CN=a", {"member": [b"1"], "cn": [b"a"]}, (Range("member", 1500),))


@pytest.mark.parametrize("name", ["member;range=1500-*", "member;Range=0-*"])
def test_a_last_part_is_whole(name):
    assert build_entry("CN=a", {name: [b"1"]}) == Entry("CN=a", {"member": [b"1"]})


@pytest.mark.parametrize(
    "name", ["member;range=-1-2", "member;range=0-", "cn;lang-de", "member;range=0-9999999999"]
)
def test_other_options_are_names(name):
    assert build_entry("CN=a", {name: [b"1"]}) == Entry("CN=a", {name: [b"1"]})


@pytest.mark.parametrize(
    ("value", "sid"),
    [
        (GUID + b";<SID=S-1-5-21-1-2-3-1105>;CN=alice,DC=x", "S-1-5-21-1-2-3-1105"),
        (GUID + b";CN=contact\nwith a line end,DC=x", None),
        (GUID + b";<SID=S-1-5-11>;CN=" + b"x" * 100_000, "S-1-5-11"),
        (GUID.replace(b"-", b"") + b";<SID=S-1-5-11>;CN=x", "S-1-5-11"),
    ],
)
def test_extended_names(value, sid):
    assert parse_extended_dn(value, "member") == sid


@pytest.mark.parametrize(
    "value", [b"", b"CN=alice,DC=x", b"<SID=S-1-5-11>;CN=x", b"<GUID=xyz>;CN=x", GUID + b";<SID=S-1>;CN=x"]
)
def test_no_extended_names(value):
    with pytest.raises(MalformedMessage, match="extended"):
        parse_extended_dn(value, "member")
