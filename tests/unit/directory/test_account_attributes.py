from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from handfast.directory import account_attributes
from handfast.directory.account_attributes import build_account, parse_direct_groups
from handfast.directory.domain_facts import DomainFacts, Policy, RootFacts
from handfast.directory.entries import Entry, build_entry
from handfast.directory.values import BEGINNING, FOREVER
from handfast.identity.records import DirectoryGroup
from handfast.protocols.errors import MalformedMessage

NOW = datetime(2026, 11, 21, tzinfo=UTC)
THEN = datetime(2026, 11, 1, tzinfo=UTC)
DOMAIN_SID = "S-1-5-21-1-2-3"
SID = bytes.fromhex("01050000000000051500000001000000020000000300000051040000")
NEVER = 0x7FFF_FFFF_FFFF_FFFF
PSO = "CN=strict,CN=Password Settings Container,CN=System,DC=contoso,DC=lab"


def filetime(when: datetime) -> int:
    return (when - BEGINNING) // timedelta(microseconds=1) * 10


def domain(
    *, duration: timedelta | None = timedelta(minutes=30), age: timedelta | None = timedelta(days=42)
) -> DomainFacts:
    root = RootFacts("DC=contoso,DC=lab", "CN=Configuration", "CN=DC1", 1, "dc1", NOW)
    policy = Policy(5, timedelta(minutes=30), duration, age)
    return DomainFacts(root, "", DOMAIN_SID, "CONTOSO", "contoso.lab", policy)


def entry(**values: object) -> Entry:
    given = {
        "objectSid": SID,
        "sAMAccountName": "alice",
        "userAccountControl": 512,
        "pwdLastSet": filetime(THEN),
        "accountExpires": 0,
        "primaryGroupID": 513,
        "msDS_User_Account_Control_Computed": 0,
    }
    named = {
        name.replace("_", "-"): value for name, value in {**given, **values}.items() if value is not None
    }
    return build_entry("CN=alice", {name: [_bytes(value)] for name, value in named.items()})


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def build(
    found: Entry,
    *groups: str,
    of: DomainFacts | None = None,
    durations: dict[str, timedelta | None] | None = None,
):
    memberships = frozenset(DirectoryGroup(sid) for sid in groups)
    known = durations or {}
    return build_account(found, of or domain(), memberships, read_at=NOW, lockout_durations=known)


def test_names():
    account = build(
        entry(userPrincipalName="a@x.example", displayName="Alice", mail="a@mail.example"), "S-1-5-11"
    )
    assert (account.sid, account.user, account.domain) == (f"{DOMAIN_SID}-1105", "alice", "CONTOSO")
    assert (account.upn, account.display_name, account.facts.mail) == (
        "a@x.example",
        "Alice",
        "a@mail.example",
    )
    assert (account.facts.realm, account.facts.read_at) == ("CONTOSO.LAB", NOW)
    assert account.groups == {DirectoryGroup("S-1-5-11")}
    bare = build(entry())
    assert (account.is_upn_made_up, bare.is_upn_made_up) == (False, True)
    assert (bare.upn, bare.display_name, bare.facts.mail) == ("alice@contoso.lab", "", "")


@pytest.mark.parametrize(
    "missing",
    [
        *("objectSid", "sAMAccountName", "userAccountControl", "accountExpires", "pwdLastSet"),
        "msDS_User_Account_Control_Computed",
    ],
)
def test_what_every_account_has_is_hidden_where_it_is_not_there(missing):
    with pytest.raises(MalformedMessage, match=missing.replace("_", "-")):
        build(entry(**{missing: None}))


@pytest.mark.parametrize("value", [b"a\nb", b"\xff", b"x" * 5000, b"a\\b@x"])
def test_what_only_leads_to_it_or_shows_it_is_none_where_it_makes_no_sense(value):
    """Whoever may write such an attribute may write none of those that keep somebody out."""
    account = build(entry(userPrincipalName=value, displayName=value, mail=b"\x01"))
    assert (account.upn, account.is_upn_made_up, account.facts.mail) == ("alice@contoso.lab", True, "")
    assert account.display_name in ("", "a\\b@x")


def test_an_account_has_a_name():
    with pytest.raises(MalformedMessage, match="sAMAccountName: empty"):
        build(entry(sAMAccountName=""))


@pytest.mark.parametrize(
    ("control", "is_enabled", "is_delegable"),
    [(0x200, True, True), (0x202, False, True), (0x100200, True, False), (0x10 | 0x800200, True, True)],
)
def test_user_account_control(control, is_enabled, is_delegable):
    """The bits 0x10 (locked) and 0x800000 (expired) are not reliable there, and not read."""
    facts = build(entry(userAccountControl=control)).facts
    assert (facts.is_enabled, facts.is_delegable) == (is_enabled, is_delegable)
    assert facts.locked_until is None


def test_protected_users_are_not_delegable():
    assert not build(entry(), f"{DOMAIN_SID}-525").facts.is_delegable
    assert build(entry(), "S-1-5-21-9-9-9-525").facts.is_delegable, "another domain's"


@pytest.mark.parametrize(
    ("value", "when"), [(0, None), (NEVER, None), (filetime(THEN), THEN), (NEVER - 1, FOREVER)]
)
def test_the_accounts_end(value, when):
    assert build(entry(accountExpires=value)).facts.expires_at == when


@pytest.mark.parametrize("value", [None, 0])
def test_not_locked(value):
    assert build(entry(lockoutTime=value)).facts.locked_until is None


@pytest.mark.parametrize(("computed", "until"), [(0x10, FOREVER), (0x800010, FOREVER), (0x800000, None)])
def test_where_the_lock_or_its_policy_is_hidden_the_controllers_computed_word_counts(computed, until):
    hidden = entry(msDS_User_Account_Control_Computed=computed)
    assert build(hidden).facts.locked_until == until
    under = {"lockoutTime": filetime(THEN), "msDS_ResultantPSO": PSO}
    found = entry(**under, msDS_User_Account_Control_Computed=computed)
    assert build(found).facts.locked_until == until


def test_a_lockout_ends_after_the_domains_duration():
    found = entry(lockoutTime=filetime(THEN))
    assert build(found).facts.locked_until == THEN + timedelta(minutes=30)
    assert build(found, of=domain(duration=None)).facts.locked_until == FOREVER
    late = entry(lockoutTime=filetime(FOREVER - timedelta(minutes=1)))
    assert build(late).facts.locked_until == FOREVER


def test_a_fine_grained_policy_has_its_own():
    found = entry(lockoutTime=filetime(THEN), msDS_ResultantPSO=PSO)
    assert build(found, durations={PSO: timedelta(hours=2)}).facts.locked_until == THEN + timedelta(hours=2)
    assert build(found, durations={PSO: None}).facts.locked_until == FOREVER


@pytest.mark.parametrize("control", [0x10200, 0x40200])
def test_passwords_that_never_expire(control):
    facts = build(
        entry(userAccountControl=control, pwdLastSet=0, msDS_UserPasswordExpiryTimeComputed=0)
    ).facts
    assert facts.password_expires_at is None


@pytest.mark.parametrize(("value", "when"), [(filetime(THEN), THEN), (NEVER, None), (0, BEGINNING)])
def test_the_passwords_end_is_the_controllers_word(value, when):
    assert build(entry(msDS_UserPasswordExpiryTimeComputed=value)).facts.password_expires_at == when


@pytest.mark.parametrize(("value", "when"), [(filetime(THEN), THEN), (0, BEGINNING)])
def test_when_the_password_was_set(value, when):
    assert build(entry(pwdLastSet=value)).facts.password_set_at == when


def test_the_passwords_end_by_the_domains_policy():
    assert build(entry()).facts.password_expires_at == THEN + timedelta(days=42)
    assert build(entry(), of=domain(age=None)).facts.password_expires_at is None
    assert build(entry(pwdLastSet=0)).facts.password_expires_at == BEGINNING


def test_direct_groups_and_the_primary_one():
    guid = b"<GUID=7d2fefae-731d-4999-9af7-29f13798e2ab>;"
    member_of = [guid + f"<SID={sid}>;CN=x".encode() for sid in (f"{DOMAIN_SID}-1200", "S-1-5-32-545")]
    odd = [guid + b"CN=contact", b"CN=plain", b"", guid + b"<SID=S-1-x>;CN=y"]
    found = build_entry("CN=a", {"memberOf": [*odd, *member_of], "primaryGroupID": [b"513"]})
    assert parse_direct_groups(found, DOMAIN_SID) == {1200, "S-1-5-32-545", 513}
    with pytest.raises(MalformedMessage, match="primaryGroupID"):
        parse_direct_groups(build_entry("CN=a", {"memberOf": member_of}), DOMAIN_SID)


def test_everything_that_is_read_is_asked_for():
    read = set()

    class Watched(Entry):
        def first(self, attribute: str) -> bytes | None:
            read.add(attribute)
            return super().first(attribute)

    found = entry(lockoutTime=filetime(THEN))
    watched = Watched(found.dn, found.values)
    build(watched)
    parse_direct_groups(watched, DOMAIN_SID)
    by_the_builder = {"uSNChanged"}
    assert read | {"memberOf"} | by_the_builder == set(account_attributes.ATTRIBUTES)
