"""What is wrong with the service account itself, and with what it may do. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.facts import RC4_ENCTYPE, Setup
from handfast.doctor.kerberos.findings import KerberosFinding, KerberosFindingId
from handfast.doctor.kerberos.usability import is_password_over, judge_delegable, judge_usable
from handfast.identity.directory.domain_account import (
    DES_ONLY,
    PROTOCOL_TRANSITION,
    SMARTCARD_REQUIRED,
    UNCONSTRAINED,
    WITHOUT_PAC,
    DomainAccount,
)

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING


def judge_account(setup: Setup, now: datetime) -> Iterator[KerberosFinding]:
    """Bits of its userAccountControl come first: their commands for Samba hold for the value that was seen."""
    account = setup.account
    if account is None:
        yield KerberosFinding(
            KerberosFindingId.ACCOUNT_MISSING,
            _ERROR,
            f"{setup.principal}@{setup.realm}",
            "make the account, or correct `principal` under `[kerberos]`: `handfast directory init` prints the commands",
        )
        return
    yield from _judge_bits(account)
    yield from judge_usable(account, KerberosFindingId.ACCOUNT_UNUSABLE, now)
    yield from _judge_sign_in(account, now)
    yield from _judge_own_spn(setup, account)
    if not account.has_aes:
        yield KerberosFinding(
            KerberosFindingId.ACCOUNT_ENCRYPTION,
            _WARNING if _opens_rc4(setup) else _ERROR,
            account.name,
            "mark it for AES, set its password anew, then make the keytab anew",
            remedies.mark_for_aes(account),
        )


def _opens_rc4(setup: Setup) -> bool:
    """Clients' tickets for an account that is not marked for AES are RC4's (MS-KILE 3.3.5.7), and ktpass makes AES keys alone."""
    return any(key.encryption == RC4_ENCTYPE for key in setup.keytab)


def _judge_bits(account: DomainAccount) -> Iterator[KerberosFinding]:
    """Bits of userAccountControl that no service account of ours should have. Source: MS-KILE 3.3.5.3, 3.3.5.6.3."""
    unwanted = (
        (
            WITHOUT_PAC,
            KerberosFindingId.ACCOUNT_WITHOUT_PAC,
            "has NO_AUTH_DATA_REQUIRED: every sign-in by ticket is refused",
            "take that bit off its userAccountControl; who has a ticket by then gets another by signing in to Windows anew",
        ),
        (
            SMARTCARD_REQUIRED,
            KerberosFindingId.ACCOUNT_RESTRICTED,
            "may sign in with a smart card only",
            "end that, set its password anew (nobody knows the one it was given), then make the keytab anew",
        ),
        (
            DES_ONLY,
            KerberosFindingId.ACCOUNT_RESTRICTED,
            "is limited to DES, which no KDC gives any more",
            "end that",
        ),
    )
    for flag, finding, what, remedy in unwanted:
        if account.control & flag:
            commands = remedies.clear_control(account, flag)
            yield KerberosFinding(finding, _ERROR, f"{account.name} {what}", remedy, commands)


def _judge_sign_in(account: DomainAccount, now: datetime) -> Iterator[KerberosFinding]:
    """What else a KDC refuses our own sign-in for. Source: MS-KILE 3.3.5.6.3."""
    if is_password_over(account, now):
        yield KerberosFinding(
            KerberosFindingId.ACCOUNT_UNUSABLE,
            _ERROR,
            f"{account.name}'s password has expired",
            "let it go on without an end; or set another one, and make the keytab anew",
            remedies.keep_password(account),
        )
    if account.has_hours:
        yield KerberosFinding(
            KerberosFindingId.ACCOUNT_RESTRICTED,
            _ERROR,
            f"{account.name} may not sign in at every hour of the week",
            "end that",
            remedies.end_hours(account),
        )


def _judge_own_spn(setup: Setup, account: DomainAccount) -> Iterator[KerberosFinding]:
    """A ticket in somebody's name is first one to ourselves, and a user's account is a service only by an SPN.

    Where clients get tickets for us the names that they ask for are looked at anyway.
    """
    if setup.services and not setup.accepts and not account.spns:
        spn = f"handfast/{account.name}"
        yield KerberosFinding(
            KerberosFindingId.ACCOUNT_WITHOUT_SPN,
            _ERROR,
            account.name,
            f"give it one; any that nobody else has will do, such as {spn}",
            remedies.add_spn(spn, account.name),
        )


def judge_rights(setup: Setup, account: DomainAccount) -> Iterator[KerberosFinding]:
    """What it may do for others: what the publications need, and nothing besides."""
    if account.control & UNCONSTRAINED:
        yield KerberosFinding(
            KerberosFindingId.UNCONSTRAINED,
            _ERROR,
            account.name,
            "end it: whoever takes this machine could act as anybody, everywhere",
            remedies.end_unconstrained(account),
        )
    needed = {service.spn.lower(): service.spn for service in setup.services}
    if needed and not account.control & PROTOCOL_TRANSITION:
        yield KerberosFinding(
            KerberosFindingId.TRANSITION_MISSING,
            _ERROR,
            account.name,
            'allow "any authentication protocol" for its delegation',
            remedies.allow_transition(account),
        )
    if needed:
        # Its own ticket-granting ticket is to be forwardable: the library asks for no more in anybody else's name.
        yield from judge_delegable(
            account,
            KerberosFindingId.ACCOUNT_NOT_FORWARDED,
            "end it: that is meant for people, and keeps the account from delegating",
        )
    listed = {spn.lower(): spn for spn in account.delegates_to}
    for key, spn in needed.items():
        if key not in listed:
            yield KerberosFinding(
                KerberosFindingId.DELEGATION_MISSING,
                _ERROR,
                f"{account.name} may not sign people in to {spn}",
                "put the SPN on its delegation list",
                remedies.extend_delegation(account, spn),
            )
    for key, spn in listed.items():
        if key not in needed:
            yield KerberosFinding(
                KerberosFindingId.DELEGATION_EXCESS,
                _WARNING,
                f"{account.name} may sign people in to {spn}, which no publication needs",
                "take the SPN off its delegation list",
                remedies.shorten_delegation(account, spn),
            )
