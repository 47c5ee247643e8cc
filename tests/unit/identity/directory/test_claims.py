from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.directory.claims import Claim, claim_of, prevails
from handfast.identity.records import Account, AccountId, AccountState
from tests.fakes.clock import START
from tests.fakes.directory import entry

ALICE = entry("alice", 1101)
OWN = Account(
    AccountId(1),
    "alice",
    "CONTOSO",
    "alice@contoso.lab",
    AccountState.ENABLED,
    START,
    sid=ALICE.sid,
    directory=ALICE.facts,
)
CONTESTED = replace(OWN, upn="", contested_upn="boss@contoso.lab")
WITHOUT = replace(OWN, upn="")
MADE_UP = replace(OWN, is_upn_made_up=True)
GONE = replace(OWN, directory=replace(ALICE.facts, is_present=False))
LOCAL = replace(OWN, sid=None, directory=None)


@pytest.mark.parametrize(
    ("named", "claim"),
    [
        (OWN, Claim("alice@contoso.lab", is_made_up=False)),
        (CONTESTED, Claim("boss@contoso.lab", is_made_up=False)),
        (MADE_UP, Claim("alice@contoso.lab", is_made_up=True)),
        (WITHOUT, Claim("alice@contoso.lab", is_made_up=True)),
        (LOCAL, Claim("alice@contoso.lab", is_made_up=False)),
        (replace(LOCAL, upn=""), Claim("", is_made_up=False)),
        (ALICE, Claim("alice@contoso.lab", is_made_up=False)),
        (replace(ALICE, is_upn_made_up=True), Claim("alice@contoso.lab", is_made_up=True)),
    ],
)
def test_an_account_claims_its_own_upn_or_the_one_made_up_for_it(named, claim):
    assert claim_of(named) == claim


@pytest.mark.parametrize(
    ("is_made_up", "rivals", "leads_there"),
    [
        (False, [], True),
        (True, [], True),
        (False, [OWN], False),
        (False, [MADE_UP], True),
        (False, [WITHOUT], True),
        (True, [OWN], False),
        (True, [CONTESTED], False),
        (False, [GONE], True),
        (True, [GONE], True),
        (False, [MADE_UP, OWN], False),
        (False, [GONE, MADE_UP], True),
    ],
)
def test_an_own_upn_beats_a_made_up_one_and_of_two_neither_wins(is_made_up, rivals, leads_there):
    assert prevails(Claim("x@contoso.lab", is_made_up), rivals) is leads_there
