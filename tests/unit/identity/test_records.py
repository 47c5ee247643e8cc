from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.records import AccountId, PartnershipState, RevocationScope, StoredSecret
from tests.fakes.one_phone import ALICE, FRESH, KNOWN


def test_no_secret_stands_in_a_records_repr():
    account = replace(ALICE, pin_verifier="$argon2id$SECRET")
    stored = StoredSecret(AccountId(1), "mail", "alice", "k1", b"SECRET")
    assert "SECRET" not in repr(account) + repr(stored)
    assert "alice" in repr(account)


@pytest.mark.parametrize("record", [ALICE, FRESH, KNOWN])
def test_records_are_values_nobody_can_change_in_passing(record):
    assert replace(record) == record
    name = next(iter(record.__dataclass_fields__))
    with pytest.raises(AttributeError):
        setattr(record, name, 7)
    assert not hasattr(record, "__dict__"), "slots: a misspelt field is an error"


def test_names_in_the_database_stay_what_they_are():
    assert [state.value for state in PartnershipState] == [
        "pending",
        "allowed",
        "quarantined",
        "blocked",
        "wiping",
        "wiped",
    ]
    assert {scope.value for scope in RevocationScope} == {
        "account",
        "partnership",
        "device",
        "app-password",
        "stored-secret",
        "node",
        "everything",
    }
