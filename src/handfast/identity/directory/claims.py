"""Which of two accounts a UPN leads to. Pure.

A directory lets nobody take another account's sAMAccountName, but UPNs are kept apart by some controllers alone (Windows
since 2012 R2 where it is not switched off in dSHeuristics, Samba since its releases of November 2021), and by none before two
of them have heard of each other; and whoever may write one account's attributes may give it any UPN else. So a UPN takes nothing from anybody: one
that two accounts have leads to neither, as it signs neither in at a domain controller. One that is made up
(`user@dns.domain`, MS-ADTS 5.1.1.1.1) leads to its account only where no account has it as its own. `DOMAIN\\user` leads to
each of them in any case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.names import claimed_upn
from handfast.identity.records import Account


@dataclass(frozen=True, slots=True)
class Claim:
    """The UPN that an account has, or that is made up for it."""

    upn: str
    is_made_up: bool


def claim_of(named: Account | DirectoryAccount) -> Claim:
    """An account's claim, whether the UPN leads to it at present or not."""
    if isinstance(named, Account):
        has_none = named.directory is not None and not (named.upn or named.contested_upn)
        return Claim(claimed_upn(named), is_made_up=named.is_upn_made_up or has_none)
    return Claim(named.upn, named.is_upn_made_up)


def prevails(claim: Claim, rivals: Iterable[Account]) -> bool:
    """True where the UPN leads to who claims it so, though `rivals` claim it too. Who is gone is nobody's rival."""
    there = (rival for rival in rivals if not rival.is_gone)
    return not any(claim.is_made_up or not claim_of(rival).is_made_up for rival in there)
