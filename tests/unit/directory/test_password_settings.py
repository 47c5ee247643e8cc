"""What a policy's attributes say. (Which account is under which, and who may read it, a real controller tells.)"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory.entries import build_entry
from handfast.directory.password_settings import parse_lockout, read_all, read_lockout
from handfast.directory.session import ControllerFailed, NoSuchObject, Page
from handfast.directory.values import BEGINNING
from handfast.identity.directory.entries import DomainLockout
from handfast.identity.directory.ports import LockoutUnreadable
from handfast.protocols.errors import MalformedMessage

MINUTE = 600_000_000
BASE = "DC=contoso,DC=lab"
CONTAINER = f"CN=Password Settings Container,CN=System,{BASE}"
STRICT = f"CN=strict,{CONTAINER}"
SID = "S-1-5-21-1-2-3-1103"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
CLOCK = {"currentTime": [b"20261121000000.0Z"]}
SHOWN = {"uSNChanged": [b"4711"]}
THREE = {
    "msDS-LockoutThreshold": [b"3"],
    "msDS-LockoutObservationWindow": [b"%d" % (-10 * MINUTE)],
    "msDS-LockoutDuration": [b"-9223372036854775808"],
}


class Shown:
    """A link that shows these objects, by name, and nothing else."""

    name = "dc1"

    def __init__(self, **objects):
        shown = {"": CLOCK, **objects}
        self.objects = {name: build_entry(name, values) for name, values in shown.items()}

    async def read(self, dn, attributes, *, controls=()):
        return self.objects.get(dn)

    async def page(self, base, query, attributes, *, scope):
        if base not in self.objects:
            raise NoSuchObject(base)
        return Page(tuple(one for name, one in self.objects.items() if name.endswith(f",{base}")))


def test_the_lockout_of_a_policy():
    assert parse_lockout(build_entry(STRICT, THREE)) == DomainLockout(3, timedelta(minutes=10), None)
    forgetting = {**THREE, "msDS-LockoutObservationWindow": [b"0"], "msDS-LockoutDuration": [b"%d" % -MINUTE]}
    assert parse_lockout(build_entry(STRICT, forgetting)) == DomainLockout(
        3, timedelta(0), timedelta(minutes=1)
    )


@pytest.mark.parametrize("attribute", THREE)
def test_what_is_not_all_shown_is_not_known(attribute):
    assert parse_lockout(build_entry(STRICT, {**THREE, attribute: []})) is None


def test_nonsense_is_malformed():
    with pytest.raises(MalformedMessage):
        parse_lockout(build_entry(STRICT, {**THREE, "msDS-LockoutThreshold": [b"three"]}))


async def test_an_account_under_a_policy_has_that_and_another_the_domains():
    user, head = f"<SID={SID}>", {"lockoutThreshold": [b"5"], "lockOutObservationWindow": [b"%d" % -MINUTE]}
    under = {"msDS-ResultantPSO": [STRICT.encode()]}
    link = Shown(**{user: under, BASE: head, STRICT: THREE})
    assert (await read_lockout(link, BASE, SID)).threshold == 3
    assert (await read_lockout(Shown(**{user: SHOWN, BASE: head}), BASE, SID)).threshold == 5
    with pytest.raises(LockoutUnreadable, match=f"under the policy {STRICT}"):
        await read_lockout(Shown(**{user: under, BASE: head}), BASE, SID)
    with pytest.raises(LockoutUnreadable, match="does not show us the account"):
        await read_lockout(Shown(**{BASE: head}), BASE, SID)
    with pytest.raises(LockoutUnreadable, match="which policy the account is under"):
        await read_lockout(Shown(**{BASE: head, user: {}}), BASE, SID)


@pytest.mark.parametrize("head", [{}, {BASE: {}}])
async def test_a_domain_whose_policy_is_not_shown_may_lock_at_any_guess(head):
    with pytest.raises(LockoutUnreadable, match="the domain's own lockout policy"):
        await read_lockout(Shown(**{f"<SID={SID}>": SHOWN}, **head), BASE, SID)


@pytest.mark.parametrize(
    ("count", "minutes_ago", "failures"),
    [(b"2", 10, 2), (b"2", 11, 0), (b"0", 0, 0), (None, 1, 0), (b"2", None, 0)],
)
async def test_failures_count_for_the_window_of_the_policy_and_a_minute(count, minutes_ago, failures):
    at = None if minutes_ago is None else (NOW - timedelta(minutes=minutes_ago) - BEGINNING)
    account = {
        "msDS-ResultantPSO": [STRICT.encode()],
        "badPwdCount": [count] if count else [],
        "badPasswordTime": [b"%d" % (at // timedelta(microseconds=1) * 10)] if at else [],
    }
    link = Shown(**{f"<SID={SID}>": account, STRICT: THREE})
    lockout = await read_lockout(link, BASE, SID)
    assert (lockout.failures, lockout.at) == (failures, NOW), "by the clock of that controller"


async def test_a_controller_that_makes_no_sense_fails():
    user = f"<SID={SID}>"
    with pytest.raises(ControllerFailed, match="lockoutThreshold"):
        await read_lockout(Shown(**{user: SHOWN, BASE: {"lockoutThreshold": [b"five"]}}), BASE, SID)
    for clock in ({}, {"currentTime": [b"noon"]}):
        with pytest.raises(ControllerFailed, match="currentTime"):
            await read_lockout(Shown(**{"": clock, user: SHOWN}), BASE, SID)
    hidden = Shown(**{user: SHOWN})
    del hidden.objects[""]
    with pytest.raises(ControllerFailed, match="rootDSE"):
        await read_lockout(hidden, BASE, SID)
    nonsense = {**THREE, "msDS-LockoutDuration": [b"1"]}
    with pytest.raises(ControllerFailed, match="duration"):
        await read_all(Shown(**{CONTAINER: {"objectClass": [b"top"]}, STRICT: nonsense}), BASE)


@pytest.mark.parametrize("container", [{}, {CONTAINER: {}}])
async def test_a_container_that_is_hidden_tells_nothing(container):
    assert await read_all(Shown(**container), BASE) is None


async def test_every_policy_is_listed_readable_or_not():
    shown = Shown(**{CONTAINER: {"objectClass": [b"top"]}, STRICT: THREE, f"CN=hidden,{CONTAINER}": {}})
    strict, hidden = await read_all(shown, BASE)
    assert (strict.dn, strict.lockout.threshold) == (STRICT, 3)
    assert hidden.lockout is None
    assert await read_all(Shown(**{CONTAINER: {"objectClass": [b"top"]}}), BASE) == ()
