"""Each finding from the facts that make it, and none from facts that are as they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos.facts import (
    AnswerTrial,
    KeytabKey,
    ResolvedName,
    Service,
    Setup,
    TicketTrial,
    Trial,
)
from handfast.doctor.kerberos.findings import Commands
from handfast.doctor.kerberos.findings import KerberosFindingId as Id
from handfast.doctor.kerberos.judging import judge
from handfast.identity.directory.domain_account import (
    DES_ONLY,
    DISABLED,
    NOT_DELEGATED,
    PROTECTED_USERS_RID,
    PROTOCOL_TRANSITION,
    SMARTCARD_REQUIRED,
    UNCONSTRAINED,
    WITHOUT_PAC,
    DomainAccount,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPN = "HTTP/mail.contoso.lab"
OWN = DomainAccount(
    "CN=svc-gw,CN=Users,DC=contoso,DC=lab",
    "svc-gw",
    0x200 | PROTOCOL_TRANSITION,
    encryption_types=24,
    key_version=3,
    spns=("HTTP/gw.contoso.lab",),
    delegates_to=(SPN,),
)
HOLDER = DomainAccount(
    "CN=svc-ex,CN=Users,DC=contoso,DC=lab", "svc-ex", 0x200, encryption_types=24, spns=(SPN,)
)
ALICE = DomainAccount("CN=alice,CN=Users,DC=contoso,DC=lab", "alice", 0x200)
KEY = KeytabKey("svc-gw@CONTOSO.LAB", 3, 18)
OWN_KEY = KeytabKey("HTTP/gw.contoso.lab@CONTOSO.LAB", 3, 18)
MACHINE = replace(HOLDER, name="EX1$", distinguished_name="CN=EX1,CN=Computers,DC=contoso,DC=lab")
GOOD = Setup(
    realm="CONTOSO.LAB",
    principal="svc-gw",
    keytab_path="/etc/handfast/handfast.keytab",
    account=OWN,
    keytab=(KEY, OWN_KEY),
    services=(Service("mail", SPN, ("ex1.contoso.lab", "ex2.contoso.lab")),),
    accepts=("HTTP/gw.contoso.lab",),
    holders={SPN.lower(): (HOLDER,), "http/gw.contoso.lab": (OWN,)},
    names={
        "mail.contoso.lab": ResolvedName("", frozenset({"10.0.0.1", "10.0.0.2"})),
        "ex1.contoso.lab": ResolvedName("", frozenset({"10.0.0.1"})),
        "ex2.contoso.lab": ResolvedName("", frozenset({"10.0.0.2"})),
    },
    clock_offset_seconds=-2.5,
    trial=Trial(
        "alice",
        ALICE,
        (TicketTrial(SPN),),
        (
            AnswerTrial("mail", "https://ex1.contoso.lab", 200),
            AnswerTrial("mail", "https://ex2.contoso.lab", 404),
        ),
    ),
)


def ids(setup: Setup) -> list[Id]:
    return [one.id for one in judge(setup, NOW)]


def holding(*holders: DomainAccount) -> Setup:
    return replace(GOOD, holders={**GOOD.holders, SPN.lower(): holders})


def with_keys(*keys: KeytabKey) -> Setup:
    return replace(GOOD, keytab=keys)


def trying(**changes) -> Setup:
    return replace(GOOD, trial=replace(GOOD.trial, **changes))


def test_nothing_is_found_where_all_is_well():
    assert judge(GOOD, NOW) == []
    assert judge(replace(GOOD, trial=None, names={}, clock_offset_seconds=None), NOW) == []


def test_case_does_not_matter_in_principals_and_spns():
    own = replace(OWN, delegates_to=("http/MAIL.contoso.lab",))
    setup = replace(GOOD, account=own, keytab=(replace(KEY, principal="SVC-GW@contoso.lab"), OWN_KEY))
    assert ids(replace(setup, holders={**GOOD.holders, "http/gw.contoso.lab": (own,)})) == []


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        (replace(GOOD, clock_offset_seconds=61.0), [Id.CLOCK_SKEW]),
        (replace(GOOD, clock_offset_seconds=-3600.0), [Id.CLOCK_SKEW]),
        (replace(GOOD, account=None), [Id.ACCOUNT_MISSING]),
        (replace(GOOD, keytab=(), keytab_problem="not there"), [Id.KEYTAB_UNUSABLE]),
        (replace(GOOD, keytab=()), [Id.KEYTAB_PRINCIPAL]),
        (replace(GOOD, keytab=(replace(KEY, principal="x@CONTOSO.LAB"),)), [Id.KEYTAB_PRINCIPAL]),
        (with_keys(replace(KEY, version=2), OWN_KEY), [Id.KEYTAB_VERSION]),
        (with_keys(KEY, replace(OWN_KEY, version=2)), []),
        (with_keys(KEY, replace(KEY, version=2), OWN_KEY), []),
        (with_keys(KEY), []),
        (with_keys(OWN_KEY), [Id.KEYTAB_PRINCIPAL]),
        (with_keys(replace(KEY, encryption=23), OWN_KEY), [Id.KEYTAB_ENCRYPTION]),
        (with_keys(KEY, replace(OWN_KEY, encryption=17)), []),
        (with_keys(KEY, replace(KEY, encryption=17)), []),
        (with_keys(replace(KEY, encryption=23), replace(KEY, version=2), OWN_KEY), [Id.KEYTAB_ENCRYPTION]),
        (holding(), [Id.SPN_MISSING]),
        (holding(HOLDER, ALICE), [Id.SPN_DUPLICATED]),
        (holding(MACHINE), [Id.SPN_ONE_MACHINE]),
        (holding(replace(MACHINE, name="ASA$")), []),
        (holding(replace(HOLDER, control=DISABLED)), [Id.SPN_HOLDER_UNUSABLE]),
        (holding(replace(HOLDER, expires_at=NOW)), [Id.SPN_HOLDER_UNUSABLE]),
        (holding(replace(HOLDER, expires_at=NOW + timedelta(days=1))), []),
        (holding(replace(HOLDER, locked_until=NOW + timedelta(seconds=1))), [Id.SPN_HOLDER_UNUSABLE]),
        (holding(replace(HOLDER, locked_until=NOW)), []),
        (holding(replace(HOLDER, control=WITHOUT_PAC)), [Id.SPN_HOLDER_WITHOUT_PAC]),
        (holding(replace(HOLDER, password_expires_at=NOW, has_hours=True)), []),
        (holding(replace(HOLDER, encryption_types=4)), [Id.SPN_HOLDER_ENCRYPTION]),
        (holding(replace(HOLDER, encryption_types=None)), [Id.SPN_HOLDER_ENCRYPTION]),
        (trying(person=None), [Id.PERSON_UNKNOWN]),
        (trying(person=replace(ALICE, control=NOT_DELEGATED)), [Id.PERSON_NOT_DELEGABLE]),
        (
            trying(person=replace(ALICE, group_rids=frozenset({PROTECTED_USERS_RID}))),
            [Id.PERSON_NOT_DELEGABLE],
        ),
        (trying(person=replace(ALICE, control=DISABLED)), [Id.PERSON_UNUSABLE]),
        (trying(person=replace(ALICE, password_expires_at=NOW)), [Id.PERSON_UNUSABLE]),
        (trying(person=replace(ALICE, password_expires_at=NOW + timedelta(seconds=1))), []),
        (trying(tickets=(TicketTrial(SPN, "KDC can't fulfill requested option"),)), [Id.TICKET_REFUSED]),
        (trying(answers=(AnswerTrial("mail", "https://ex1", None, "refused"),)), [Id.BACKEND_UNREACHABLE]),
        (trying(answers=(AnswerTrial("mail", "https://ex1", 401),)), [Id.BACKEND_REFUSES_TICKET]),
        (
            replace(GOOD, holders={**GOOD.holders, "http/gw.contoso.lab": ()}),
            [Id.SPN_MISSING],
        ),
        (
            replace(GOOD, holders={**GOOD.holders, "http/gw.contoso.lab": (HOLDER,)}),
            [Id.SPN_OTHER_ACCOUNT],
        ),
        (
            replace(GOOD, holders={**GOOD.holders, "http/gw.contoso.lab": (OWN, HOLDER)}),
            [Id.SPN_OTHER_ACCOUNT],
        ),
    ],
)
def test_each_fault_is_found_and_nothing_else(setup, expected):
    assert ids(setup) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (replace(OWN, control=0x200), [Id.TRANSITION_MISSING]),
        (replace(OWN, control=OWN.control | UNCONSTRAINED), [Id.UNCONSTRAINED]),
        (replace(OWN, delegates_to=()), [Id.DELEGATION_MISSING]),
        (replace(OWN, delegates_to=(SPN, "cifs/dc1")), [Id.DELEGATION_EXCESS]),
        (replace(OWN, control=OWN.control | DISABLED), [Id.ACCOUNT_UNUSABLE]),
        (replace(OWN, control=OWN.control | WITHOUT_PAC), [Id.ACCOUNT_WITHOUT_PAC]),
        (replace(OWN, control=OWN.control | SMARTCARD_REQUIRED), [Id.ACCOUNT_RESTRICTED]),
        (replace(OWN, control=OWN.control | DES_ONLY), [Id.ACCOUNT_RESTRICTED]),
        (replace(OWN, has_hours=True), [Id.ACCOUNT_RESTRICTED]),
        (replace(OWN, control=OWN.control | NOT_DELEGATED), [Id.ACCOUNT_NOT_FORWARDED]),
        (replace(OWN, group_rids=frozenset({PROTECTED_USERS_RID})), [Id.ACCOUNT_NOT_FORWARDED]),
        (replace(OWN, password_expires_at=NOW), [Id.ACCOUNT_UNUSABLE]),
        (replace(OWN, password_expires_at=NOW + timedelta(seconds=1)), []),
        (replace(OWN, encryption_types=None), [Id.ACCOUNT_ENCRYPTION]),
        (replace(OWN, encryption_types=8), [Id.KEYTAB_ENCRYPTION]),
        (replace(OWN, key_version=4), [Id.KEYTAB_VERSION]),
        (replace(OWN, key_version=259), []),
        (replace(OWN, key_version=None), []),
    ],
)
def test_what_the_service_account_may_do(own, expected):
    assert (
        ids(replace(GOOD, account=own, holders={**GOOD.holders, "http/gw.contoso.lab": (own,)})) == expected
    )


def test_without_a_publication_that_signs_in_by_kerberos_no_rights_are_needed():
    own = replace(OWN, control=0x200 | NOT_DELEGATED, delegates_to=())
    setup = replace(GOOD, account=own, services=(), trial=None)
    assert ids(replace(setup, holders={"http/gw.contoso.lab": (own,)})) == []


def test_an_account_that_no_client_asks_for_still_needs_an_spn_to_delegate():
    setup = replace(GOOD, accepts=(), keytab=(KEY,))
    assert ids(setup) == []
    setup = replace(setup, account=replace(OWN, spns=()))
    (finding,) = judge(setup, NOW)
    assert (finding.id, finding.commands.samba) == (
        Id.ACCOUNT_WITHOUT_SPN,
        ("samba-tool spn add handfast/svc-gw svc-gw",),
    )
    assert ids(replace(setup, services=(), account=replace(OWN, spns=(), delegates_to=()), trial=None)) == []


def test_a_stale_key_is_told_with_both_versions():
    (finding,) = judge(with_keys(replace(KEY, version=1), OWN_KEY), NOW)
    assert finding.what == "/etc/handfast/handfast.keytab has version 1 of svc-gw's key, the directory has 3"


@pytest.mark.parametrize(
    ("types", "wanted", "crypto"),
    [(24, "AES256", "AES256-SHA1"), (16, "AES256", "AES256-SHA1"), (8, "AES128", "AES128-SHA1")],
)
def test_the_key_that_is_missing_is_the_one_that_is_made(types, wanted, crypto):
    own = replace(OWN, encryption_types=types)
    keys = with_keys(replace(KEY, encryption=23), replace(OWN_KEY, encryption=23))
    (finding,) = judge(
        replace(keys, account=own, holders={**GOOD.holders, "http/gw.contoso.lab": (own,)}), NOW
    )
    assert f"no {wanted} key of svc-gw" in finding.what
    assert all(f"/crypto {crypto} " in line for line in finding.commands.powershell)


@pytest.mark.parametrize("types", [None, 4])
@pytest.mark.parametrize(
    ("third", "severity"),
    [
        (replace(OWN_KEY, encryption=23), Severity.WARNING),
        (replace(KEY, encryption=23), Severity.WARNING),
        (KEY, Severity.ERROR),
    ],
)
def test_without_aes_on_the_account_the_keys_that_open_clients_tickets_are_rc4s(types, third, severity):
    own = replace(OWN, encryption_types=types)
    setup = replace(with_keys(KEY, OWN_KEY, third), account=own)
    (finding,) = judge(replace(setup, holders={**GOOD.holders, "http/gw.contoso.lab": (own,)}), NOW)
    assert (finding.id, finding.severity) == (Id.ACCOUNT_ENCRYPTION, severity)


@pytest.mark.parametrize("encryption", [17, 18])
def test_any_aes_key_will_do_where_the_account_is_not_marked(encryption):
    own = replace(OWN, encryption_types=None)
    keys = with_keys(replace(KEY, encryption=encryption), replace(OWN_KEY, encryption=encryption))
    setup = replace(keys, account=own, holders={**GOOD.holders, "http/gw.contoso.lab": (own,)})
    assert ids(setup) == [Id.ACCOUNT_ENCRYPTION]


def test_names():
    alias = {**GOOD.names, "mail.contoso.lab": ResolvedName("ex1.contoso.lab", frozenset({"10.0.0.1"}))}
    assert ids(replace(GOOD, names=alias)) == [Id.NAME_IS_ALIAS]
    same = {**GOOD.names, "mail.contoso.lab": ResolvedName("MAIL.contoso.lab", frozenset({"10.0.0.1"}))}
    assert ids(replace(GOOD, names=same)) == []
    in_front = {**GOOD.names, "gw.contoso.lab": ResolvedName("node1.contoso.lab", frozenset({"10.0.0.9"}))}
    assert ids(replace(GOOD, names=in_front)) == [Id.NAME_IS_ALIAS]
    for addresses in (frozenset(), frozenset({"10.9.9.9"})):
        elsewhere = {**GOOD.names, "mail.contoso.lab": ResolvedName("", addresses)}
        assert ids(replace(GOOD, names=elsewhere)) == [Id.NAME_ELSEWHERE]


def test_where_no_kdc_is_found_the_remedy_names_the_setting():
    ticket = TicketTrial(SPN, "kdc-unavailable: Cannot find KDC for realm")
    (finding,) = judge(trying(tickets=(ticket,)), NOW)
    assert "`kdcs` under [kerberos]" in finding.remedy


def test_a_duplicate_stays_with_the_account_that_was_named():
    setup = replace(holding(MACHINE, HOLDER, ALICE), servers_account="ALICE")
    (finding,) = judge(setup, NOW)
    assert finding.commands.samba == (
        "samba-tool spn delete HTTP/mail.contoso.lab 'EX1$'",
        "samba-tool spn delete HTTP/mail.contoso.lab svc-ex",
    )


@pytest.mark.parametrize("named", ["", "svc-pool"])
def test_of_a_duplicate_nobody_guesses_whose_it_is(named):
    (finding,) = judge(replace(holding(MACHINE, HOLDER, ALICE), servers_account=named), NOW)
    assert (finding.id, finding.commands) == (Id.SPN_DUPLICATED, Commands())
    assert finding.remedy.endswith("which of them is it? Name it by --servers-account for the commands")


def test_a_refused_ticket_moves_the_spn_to_the_account_the_servers_have():
    setup = replace(trying(answers=(AnswerTrial("mail", "https://ex1", 401),)), servers_account="svc-pool")
    (finding,) = judge(setup, NOW)
    assert finding.commands.samba == (
        "samba-tool spn delete HTTP/mail.contoso.lab svc-ex",
        "samba-tool spn add HTTP/mail.contoso.lab svc-pool",
    )
    (finding,) = judge(replace(setup, servers_account="svc-ex"), NOW)
    assert finding.commands.samba == ()


def test_an_answer_of_a_publication_without_an_spn_is_no_fault_of_the_check():
    (finding,) = judge(trying(answers=(AnswerTrial("other", "https://ex9", 401),)), NOW)
    assert "its SPN" in finding.what
