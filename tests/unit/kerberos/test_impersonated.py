from datetime import UTC, datetime

import pytest

from handfast.identity.directory.ports import DelegationFailure, DelegationRefused
from handfast.identity.records import Account, AccountId, AccountState, DirectoryFacts
from handfast.kerberos.impersonated import impersonated

NOW = datetime(2026, 1, 1, tzinfo=UTC)


SID = "S-1-5-21-1-2-3-1101"


def account(user: str, facts: DirectoryFacts | None, sid: str | None = SID) -> Account:
    return Account(AccountId(1), user, "CONTOSO", "", AccountState.ENABLED, NOW, sid=sid, directory=facts)


@pytest.mark.parametrize(
    "user",
    ["alice", "Alice B", "o'neil", "jörg", "山田", "smith(j)", "a" * 256, "machine$", "a.b-c_d", "ß", "a#;,"],
)
def test_names_as_they_are(user):
    whom = impersonated(account(user, DirectoryFacts("CONTOSO.LAB", NOW)))
    assert whom == (f"{user}@CONTOSO.LAB", SID)


@pytest.mark.parametrize(
    "user",
    ["", "boss@contoso.lab", "HTTP/fe", "a\\b", "a\0", "a\n", "a\x7f", "a\u200b", "a\ud800", "a" * 257],
)
def test_names_that_would_mean_something_else(user):
    with pytest.raises(DelegationRefused, match="without changing its meaning"):
        impersonated(account(user, DirectoryFacts("CONTOSO.LAB", NOW)))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (None, "local account"),
        (DirectoryFacts("R", NOW, is_delegable=False), "sensitive"),
        (DirectoryFacts("R", NOW, is_present=False), "gone"),
        (DirectoryFacts("", NOW), "told to a KDC"),
    ],
)
def test_accounts_that_are_not_asked_for(facts, said):
    with pytest.raises(DelegationRefused, match=said) as refused:
        impersonated(account("alice", facts))
    assert refused.value.failure is DelegationFailure.REFUSED


@pytest.mark.parametrize("sid", [None, ""])
def test_without_a_sid_nobody_could_say_whose_ticket_it_is(sid):
    with pytest.raises(DelegationRefused, match="no SID is known of alice") as refused:
        impersonated(account("alice", DirectoryFacts("CONTOSO.LAB", NOW), sid))
    assert refused.value.failure is DelegationFailure.REFUSED
