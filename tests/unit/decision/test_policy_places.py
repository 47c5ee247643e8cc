"""One publication on one listener; `test_policy_desk` holds it against sign-ins."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network

import pytest

from handfast.decision.access_rules import AccessRule
from handfast.decision.policy_places import describe_place
from handfast.identity.directory.standing import Standing, StandingRefusal
from handfast.identity.records import PartnershipState
from handfast.identity.subjects import build_subjects
from tests.fakes.clock import START
from tests.fakes.domain import group, mirror
from tests.fakes.identity_process import MAIL
from tests.fakes.one_phone import KNOWN
from tests.fakes.records import InMemoryRecords

STAFF = AccessRule("staff", subjects=build_subjects((), ("CONTOSO\\Staff",), ""))
WELL = Standing()
NEARBY = replace(MAIL, networks=(ip_network("10.0.0.0/8"),), access=(STAFF,))


class Place:
    """Anna, who is one of the staff."""

    def __init__(self, records: InMemoryRecords) -> None:
        self.records = records

    async def told(self, publication=NEARBY, standing=WELL, source=None):
        account = await self.records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "anna"))
        groups = frozenset({group("Staff")})
        told = await self.records.read(
            lambda r: describe_place(r, publication, account, groups, standing, "outside", source)
        )
        return json.loads(json.dumps(told))


@pytest.fixture
async def place():
    records = InMemoryRecords()
    await mirror(records, "anna", START, "Staff")
    return Place(records)


@pytest.mark.parametrize(
    ("standing", "source", "reason", "rule"),
    [
        (WELL, "10.1.2.3", "", "staff"),
        (WELL, None, "", "staff"),
        (Standing(StandingRefusal.GONE), "10.1.2.3", "account-gone", "state"),
        (Standing(StandingRefusal.GONE), "192.0.2.1", "source-refused", "networks"),
    ],
)
async def test_the_first_stage_that_refuses_says_why(place, standing, source, reason, rule):
    told = await place.told(standing=standing, source=source)
    assert (told["reason"], told["rule"]) == (reason, rule)
    assert told["outcome"] == ("deny" if reason else "allow")
    assert told["fits_by"] == ("" if reason else "CONTOSO\\Staff")
    assert told["asks_for_source"] == (source is None)


async def test_devices_are_counted_as_the_limit_counts_them(place):
    account = await place.records.read(lambda r: r.accounts.find_by_domain_user("CONTOSO", "anna"))
    states = (
        PartnershipState.ALLOWED,
        PartnershipState.QUARANTINED,
        PartnershipState.BLOCKED,
        PartnershipState.PENDING,
    )
    for number, state in enumerate(states):
        phone = replace(KNOWN, account_id=account.id, device_id=f"P{number}", state=state)
        await place.records.write(lambda r, phone=phone: r.partnerships.add(phone))
    assert (await place.told())["devices"] == 2
