"""Each finding from the facts that make it, and none from facts that are as they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

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
    DISABLED,
    NOT_DELEGATED,
    PROTECTED_USERS_RID,
    PROTOCOL_TRANSITION,
    UNCONSTRAINED,
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
MACHINE = replace(HOLDER, name="EX1$", distinguished_name="CN=EX1,CN=Computers,DC=contoso,DC=lab")
GOOD = Setup(
    realm="CONTOSO.LAB",
    principal="svc-gw",
    keytab_path="/etc/handfast/handfast.keytab",
    account=OWN,
    keytab=(KEY,),
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


def trying(**changes) -> Setup:
    return replace(GOOD, trial=replace(GOOD.trial, **changes))


def test_nothing_is_found_where_all_is_well():
    assert judge(GOOD, NOW) == []
    assert judge(replace(GOOD, trial=None, names={}, clock_offset_seconds=None), NOW) == []


def test_case_does_not_matter_in_principals_and_spns():
    own = replace(OWN, delegates_to=("http/MAIL.contoso.lab",))
    setup = replace(GOOD, account=own, keytab=(replace(KEY, principal="SVC-GW@contoso.lab"),))
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
        (replace(GOOD, keytab=(replace(KEY, version=2),)), [Id.KEYTAB_VERSION]),
        (replace(GOOD, keytab=(KEY, replace(KEY, version=2))), []),
        (replace(GOOD, keytab=(replace(KEY, encryption=23),)), [Id.KEYTAB_ENCRYPTION]),
        (
            replace(GOOD, keytab=(replace(KEY, encryption=23), replace(KEY, version=2))),
            [Id.KEYTAB_ENCRYPTION],
        ),
        (holding(), [Id.SPN_MISSING]),
        (holding(HOLDER, ALICE), [Id.SPN_DUPLICATED]),
        (holding(MACHINE), [Id.SPN_ONE_MACHINE]),
        (holding(replace(MACHINE, name="ASA$")), []),
        (holding(replace(HOLDER, control=DISABLED)), [Id.SPN_HOLDER_UNUSABLE]),
        (holding(replace(HOLDER, expires_at=NOW)), [Id.SPN_HOLDER_UNUSABLE]),
        (holding(replace(HOLDER, expires_at=NOW + timedelta(days=1))), []),
        (holding(replace(HOLDER, locked_until=NOW + timedelta(seconds=1))), [Id.SPN_HOLDER_UNUSABLE]),
        (holding(replace(HOLDER, locked_until=NOW)), []),
        (holding(replace(HOLDER, encryption_types=4)), [Id.SPN_HOLDER_ENCRYPTION]),
        (holding(replace(HOLDER, encryption_types=None)), [Id.SPN_HOLDER_ENCRYPTION]),
        (trying(person=None), [Id.PERSON_UNKNOWN]),
        (trying(person=replace(ALICE, control=NOT_DELEGATED)), [Id.PERSON_NOT_DELEGABLE]),
        (
            trying(person=replace(ALICE, group_rids=frozenset({PROTECTED_USERS_RID}))),
            [Id.PERSON_NOT_DELEGABLE],
        ),
        (trying(person=replace(ALICE, control=DISABLED)), [Id.PERSON_UNUSABLE]),
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
        (replace(OWN, encryption_types=None), [Id.ACCOUNT_ENCRYPTION]),
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
    own = replace(OWN, control=0x200, delegates_to=())
    setup = replace(GOOD, account=own, services=(), trial=None)
    assert ids(replace(setup, holders={"http/gw.contoso.lab": (own,)})) == []


def test_names():
    alias = {**GOOD.names, "mail.contoso.lab": ResolvedName("ex1.contoso.lab", frozenset({"10.0.0.1"}))}
    assert ids(replace(GOOD, names=alias)) == [Id.NAME_IS_ALIAS]
    same = {**GOOD.names, "mail.contoso.lab": ResolvedName("MAIL.contoso.lab", frozenset({"10.0.0.1"}))}
    assert ids(replace(GOOD, names=same)) == []
    for addresses in (frozenset(), frozenset({"10.9.9.9"})):
        elsewhere = {**GOOD.names, "mail.contoso.lab": ResolvedName("", addresses)}
        assert ids(replace(GOOD, names=elsewhere)) == [Id.NAME_ELSEWHERE]


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
