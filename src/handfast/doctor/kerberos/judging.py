"""From what was seen to what is wrong: the service account, its rights, the services, and a trial. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.facts import ResolvedName, Service, Setup, Trial, host_of
from handfast.doctor.kerberos.findings import Commands, KerberosFinding, KerberosFindingId
from handfast.doctor.kerberos.own_account import judge_account, judge_rights
from handfast.doctor.kerberos.own_keytab import judge_keytab
from handfast.doctor.kerberos.usability import is_password_over, judge_delegable, judge_usable
from handfast.identity.directory.domain_account import WITHOUT_PAC, DomainAccount
from handfast.identity.directory.ports import DelegationFailure

MAX_SKEW_SECONDS = 60.0
"""KDCs tolerate 300 (MS-KILE 3.1.5.8); whoever drifts by one minute will drift by five."""
POOL_REMEDY = (
    "give the back ends one account that all of them share: in Exchange the Alternate Service Account"
    " (RollAlternateServiceAccountPassword.ps1), in Skype for Business the Kerberos account"
    " (New-CsKerberosAccountAssignment, Enable-CsTopology, Set-CsKerberosAccountPassword)"
)

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


def judge(setup: Setup, now: datetime) -> list[KerberosFinding]:
    """Every finding, in the order in which they are best mended."""
    found = [*_judge_clock(setup), *judge_account(setup, now), *judge_keytab(setup)]
    if setup.account is not None:
        found += judge_rights(setup, setup.account)
    for service in setup.services:
        found += _judge_service(setup, service, now)
    for spn in setup.accepts:
        found += _judge_accepted(setup, spn)
    if setup.trial is not None:
        found += _judge_trial(setup, setup.trial, now)
    return found


def _judge_clock(setup: Setup) -> Iterator[KerberosFinding]:
    offset = setup.clock_offset_seconds
    if offset is not None and abs(offset) >= MAX_SKEW_SECONDS:
        word = "behind" if offset > 0 else "ahead of"
        yield KerberosFinding(
            KerberosFindingId.CLOCK_SKEW,
            _ERROR,
            f"our clock is {abs(offset):.0f} s {word} the domain controller's",
            "set this machine's clock by the domain: `chronyc makestep`, with a domain controller as its source",
        )


def _judge_service(setup: Setup, service: Service, now: datetime) -> Iterator[KerberosFinding]:
    what = f"{service.spn} (publication {service.publication})"
    holders = setup.holders_of(service.spn)
    if not holders:
        account = setup.servers_account or remedies.SERVERS_ACCOUNT
        yield KerberosFinding(
            KerberosFindingId.SPN_MISSING,
            _ERROR,
            what,
            "put the SPN on the account that all back ends share, or correct `spn`",
            remedies.add_spn(service.spn, account),
        )
    elif len(holders) > 1:
        yield _judge_duplicate(setup, service, what, holders)
    else:
        yield from _judge_holder(setup, service, holders[0], now)
    yield from _judge_name(setup, service)


def _judge_duplicate(
    setup: Setup, service: Service, what: str, holders: tuple[DomainAccount, ...]
) -> KerberosFinding:
    """Whose it is, only who runs the back ends knows: a guess would take it off the account that they share."""
    named = setup.servers_account.lower()
    others = [one.name for one in holders if one.name.lower() != named]
    is_known = len(others) < len(holders)
    remedy = "leave it on the account that the back ends share, and take it off the others"
    return KerberosFinding(
        KerberosFindingId.SPN_DUPLICATED,
        _ERROR,
        f"{what}: {', '.join(one.name for one in holders)}",
        remedy
        if is_known
        else f"{remedy}; which of them is it? Name it by --servers-account for the commands",
        remedies.move_spn(service.spn, others) if is_known else Commands(),
    )


def _judge_holder(
    setup: Setup, service: Service, holder: DomainAccount, now: datetime
) -> Iterator[KerberosFinding]:
    if holder.control & WITHOUT_PAC:
        yield KerberosFinding(
            KerberosFindingId.SPN_HOLDER_WITHOUT_PAC,
            _ERROR,
            f"{holder.name}, which holds {service.spn}, has NO_AUTH_DATA_REQUIRED",
            "take that bit off its userAccountControl: servers that run Windows read in the PAC who somebody is",
            remedies.clear_control(holder, WITHOUT_PAC),
        )
    yield from judge_usable(holder, KerberosFindingId.SPN_HOLDER_UNUSABLE, now)
    if not holder.has_aes:
        yield KerberosFinding(
            KerberosFindingId.SPN_HOLDER_ENCRYPTION,
            _WARNING,
            f"{holder.name}, which holds {service.spn}",
            "mark it for AES, then set its password anew on all back ends",
            remedies.mark_for_aes(holder),
        )
    if len(service.hosts) > 1 and _is_machine_of_pool(holder, service):
        account = setup.servers_account or remedies.SERVERS_ACCOUNT
        yield KerberosFinding(
            KerberosFindingId.SPN_ONE_MACHINE,
            _ERROR,
            f"{service.spn} is held by {holder.name}, one of {len(service.hosts)} back ends",
            POOL_REMEDY,
            remedies.move_spn(service.spn, [holder.name], account),
        )


def _is_machine_of_pool(holder: DomainAccount, service: Service) -> bool:
    """A machine's account is called as its host, with a dollar sign (MS-ADTS 3.1.1.3.1.3)."""
    machine = holder.name.removesuffix("$").lower()
    return holder.is_machine and any(host.partition(".")[0].lower()[:15] == machine for host in service.hosts)


def _judge_name(setup: Setup, service: Service) -> Iterator[KerberosFinding]:
    resolved = setup.names.get(service.host)
    if resolved is None:
        return
    yield from _judge_alias(setup, service.host)
    behind = {address for host in service.hosts for address in setup.names[host].addresses}
    if not resolved.addresses & behind:
        said = ", ".join(sorted(resolved.addresses)) or "no address"
        yield KerberosFinding(
            KerberosFindingId.NAME_ELSEWHERE,
            _WARNING,
            f"{service.host} has {said}, the back ends of {service.publication} have others",
            "fine behind a load balancer; else correct the name's address, or `spn`",
        )


def _judge_alias(setup: Setup, host: str) -> Iterator[KerberosFinding]:
    resolved = setup.names.get(host, ResolvedName())
    if resolved.canonical and resolved.canonical.lower() != host.lower():
        yield KerberosFinding(
            KerberosFindingId.NAME_IS_ALIAS,
            _WARNING,
            f"{host} is a CNAME of {resolved.canonical}",
            "give the name an A record: clients inside may ask for a ticket of the other name",
        )


def _judge_accepted(setup: Setup, spn: str) -> Iterator[KerberosFinding]:
    """Our own SPNs: on our account, and on no other; and clients ask for them by that name."""
    yield from _judge_alias(setup, host_of(spn))
    holders = setup.holders_of(spn)
    own = setup.account
    if own is None:
        return
    others = [one.name for one in holders if one.distinguished_name != own.distinguished_name]
    if not holders:
        yield KerberosFinding(
            KerberosFindingId.SPN_MISSING,
            _ERROR,
            f"{spn} (clients inside ask for it)",
            "put the SPN on the service account",
            remedies.add_spn(spn, own.name),
        )
    elif others:
        to = own.name if len(others) == len(holders) else ""
        yield KerberosFinding(
            KerberosFindingId.SPN_OTHER_ACCOUNT,
            _ERROR,
            f"{spn} is held by {', '.join(others)}",
            "take it off there, and put it on the service account; where clients still reach the servers directly by that"
            " name, publish another one",
            remedies.move_spn(spn, others, to),
        )


def _judge_trial(setup: Setup, trial: Trial, now: datetime) -> Iterator[KerberosFinding]:
    person = trial.person
    if person is None:
        yield KerberosFinding(
            KerberosFindingId.PERSON_UNKNOWN,
            _ERROR,
            trial.login,
            "name an account of the directory, as UPN or user name",
        )
        return
    yield from judge_usable(person, KerberosFindingId.PERSON_UNUSABLE, now)
    if is_password_over(person, now):
        yield KerberosFinding(
            KerberosFindingId.PERSON_UNUSABLE,
            _ERROR,
            f"{person.name}'s password has expired",
            "let the person change it",
        )
    yield from judge_delegable(
        person,
        KerberosFindingId.PERSON_NOT_DELEGABLE,
        "leave it so for administrators, who then can't use the publications; else end it",
    )
    for ticket in trial.tickets:
        if ticket.problem:
            yield KerberosFinding(
                KerberosFindingId.TICKET_REFUSED,
                _ERROR,
                f"{person.name} to {ticket.spn}: {ticket.problem}",
                _remedy_of(ticket.problem),
            )
    yield from _judge_answers(setup, trial, person)


def _remedy_of(problem: str) -> str:
    """Where there is no ticket."""
    if problem.startswith(DelegationFailure.UNAVAILABLE):
        return (
            "name the domain controllers as `kdcs` under [kerberos] (without it DNS must: _kerberos._tcp SRV records);"
            " are they reached on port 88?"
        )
    return "mend what else was found first; then try again"


def _judge_answers(setup: Setup, trial: Trial, person: DomainAccount) -> Iterator[KerberosFinding]:
    spns = {service.publication: service.spn for service in setup.services}
    for answer in trial.answers:
        if answer.status is None:
            yield KerberosFinding(
                KerberosFindingId.BACKEND_UNREACHABLE,
                _ERROR,
                f"{answer.url}: {answer.problem}",
                "is it running and reachable from here? `handfast doctor` says more",
            )
        elif answer.status == 401:
            yield KerberosFinding(
                KerberosFindingId.BACKEND_REFUSES_TICKET,
                _ERROR,
                f"{answer.url} refuses {person.name}'s ticket for {spns.get(answer.publication, 'its SPN')}",
                f"the SPN is on an account whose password that server does not have: {POOL_REMEDY}",
                _holder_commands(setup, spns.get(answer.publication, "")),
            )


def _holder_commands(setup: Setup, spn: str) -> Commands:
    """Moves the SPN to the servers' account, where that is known to be another one."""
    holders = setup.holders_of(spn)
    account = setup.servers_account
    if len(holders) != 1 or not account or holders[0].name.lower() == account.lower():
        return Commands()
    return remedies.move_spn(spn, [holders[0].name], account)
