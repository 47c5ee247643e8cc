"""Which names are the account's own, letter by letter. (What becomes of the others: `tests/invariants/test_i11*`.)"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from handfast.decision.access import BasicCredential
from handfast.gateway.acting_for import is_named


def signed_in(principal: str, login: str | None = None) -> SimpleNamespace:
    """As far as a live grant is looked at."""
    credential = None if login is None else BasicCredential(login, "secret")
    request = SimpleNamespace(credential=credential)
    return SimpleNamespace(named="", grant=SimpleNamespace(principal=principal), request=request)


@pytest.mark.parametrize(
    ("claimed", "is_own"),
    [
        ("ștefan@contoso.lab", True),
        ("șTEFAN@CONTOSO.LAB", True),
        ("ștefan", True),
        ("CONTOSO\\stefan", True),
        ("Stefan", True),
        ("Ștefan", False),
        ("Ștefan@contoso.lab", False),
        ("stefan@contoso.lab", False),
    ],
)
def test_a_name_is_the_accounts_own_where_every_controller_takes_the_two_for_one(claimed, is_own):
    live = signed_in("ștefan@contoso.lab", "contoso\\stefan")
    for _ in range(2):
        assert is_named(live, claimed) is is_own
    assert live.named == (claimed if is_own else "")


def test_who_came_without_a_login_has_the_principal_alone():
    assert is_named(signed_in("alice@contoso.lab"), "Alice")
    assert not is_named(signed_in("alice@contoso.lab"), "CONTOSO\\alice")
