"""The lockout that holds for an account, by real fine-grained password policies, seen as an ordinary user sees them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handfast.directory.password_settings import read_all
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable
from handfast.identity.ports import Unavailable
from tests.integration.directory.accounts import as_account
from tests.integration.directory.policies import let_read, make_policy
from tests.servers.samba import BASE, NEEDS
from tests.servers.samba_domain import user_dn

pytestmark = NEEDS

USN_CHANGED = "bf967a6f-0de6-11d0-a285-00aa003049e2"
"""As the schema names the attribute."""
MINUTE = timedelta(minutes=1)
DOMAINS = DomainLockout(5, 30 * MINUTE, 30 * MINUTE)


async def test_a_policy_that_may_be_read_holds_for_who_is_under_it(fresh_dc, opened):
    directory = opened(fresh_dc)
    accounts = {user: as_account(await directory.find(user)) for user in ("alice", "bob", "grace")}
    see_all = lambda link: read_all(link, BASE)
    assert await directory.readers.ask(see_all) is None, "an ordinary user can't see whether there are any"
    make_policy(fresh_dc, "strict", 10, 3, "Berlin")  # alice, as a member
    make_policy(fresh_dc, "stricter", 5, 4, "bob")
    make_policy(fresh_dc, "nobody's", 1, 2)
    for user in ("alice", "bob"):
        with pytest.raises(LockoutUnreadable, match="under the policy CN=strict"):
            await directory.lockout(accounts[user])
    assert await directory.lockout(accounts["grace"]) == DOMAINS

    let_read(fresh_dc)
    found = {user: await directory.lockout(account) for user, account in accounts.items()}
    assert {user: one.threshold for user, one in found.items()} == {"alice": 3, "bob": 4, "grace": 5}
    shown = await directory.readers.ask(see_all)
    assert {one.dn.partition(",")[0]: one.lockout.threshold for one in shown} == {
        "CN=strict": 3,
        "CN=stricter": 4,
        "CN=nobody's": 2,
    }


async def test_a_policy_that_changes_counts_at_once(fresh_dc, opened):
    directory = opened(fresh_dc)
    alice = as_account(await directory.find("alice"))
    assert await directory.lockout(alice) == DOMAINS
    fresh_dc.set_values(BASE, lockoutThreshold=3)
    assert (await directory.lockout(alice)).threshold == 3
    fresh_dc.stop()
    with pytest.raises(Unavailable):
        await directory.lockout(alice)


async def test_an_account_that_is_not_shown_is_not_guessed_at(fresh_dc, opened):
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    fresh_dc.samba_tool("user", "delete", "bob")
    with pytest.raises(LockoutUnreadable, match="does not show us the account"):
        await directory.lockout(bob)


async def test_an_account_of_which_we_may_read_some_attributes_alone_is_not_guessed_at(fresh_dc, opened):
    """Where the right to read everything was taken away, and given for property sets: they don't hold which policy it is under."""
    directory = opened(fresh_dc)
    bob = as_account(await directory.find("bob"))
    where = f"--objectdn={user_dn('bob')}"
    reader = fresh_dc.value("svc-read", "objectSid")
    fresh_dc.samba_tool("dsacl", "set", where, f"--sddl=(OD;;RP;{USN_CHANGED};;{reader})")
    with pytest.raises(LockoutUnreadable, match="which policy the account is under"):
        await directory.lockout(bob)
