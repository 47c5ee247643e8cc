"""Groups of one account that make no sense cost it nothing. (Everything else of `lookup` is tried on a real controller.)"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import build_entry
from handfast.directory.lookup import find_account
from handfast.directory.scope import Scope
from handfast.directory.session import Page

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROOT = RootFacts("DC=contoso,DC=lab", "CN=Configuration", "CN=DC1", 1, "dc1", NOW)
POLICY = Policy(5, timedelta(minutes=30), timedelta(minutes=30), None)
DOMAIN = DomainFacts(ROOT, "", "S-1-5-21-1-2-3", "CONTOSO", "contoso.lab", POLICY)
ALICE = build_entry(
    "CN=alice,DC=contoso,DC=lab",
    {
        "objectSid": [bytes.fromhex("01050000000000051500000001000000020000000300000051040000")],
        "sAMAccountName": [b"alice"],
        "userAccountControl": [b"512"],
        "accountExpires": [b"0"],
        "pwdLastSet": [b"0"],
        "primaryGroupID": [b"513"],
        "msDS-User-Account-Control-Computed": [b"0"],
        "uSNChanged": [b"7"],
    },
)
SALES = build_entry(
    "CN=Sales,DC=contoso,DC=lab",
    {
        "objectSid": [bytes.fromhex("010500000000000515000000010000000200000003000000b0040000")],
        "sAMAccountName": [b"Sales"],
        "groupType": [b"-2147483646"],
        "memberOf": [],
    },
)
HIDING_ITS_SID = build_entry("CN=Hidden,DC=contoso,DC=lab", {"sAMAccountName": [b"Hidden"]})


class Link:
    """Gives the one account, and the groups that have it as a member."""

    name = "dc1"

    async def page(self, base, query, attributes, *, controls=(), page_size=0):
        return Page((ALICE,), b"")

    async def pages(self, base, query, attributes, *, controls=()):
        yield (HIDING_ITS_SID, SALES) if "member=" in query else (SALES,)


async def test_a_group_that_shows_no_sid_is_passed_over():
    """Whoever owns it may put anybody into it."""
    found = await find_account(Link(), DOMAIN, Scope(), "alice", lambda: NOW)
    assert found is not None
    assert "Sales" in {group.name for group in found.groups}
