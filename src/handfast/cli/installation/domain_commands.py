"""What a domain administrator runs for us: the lines themselves, for PowerShell and for samba-tool."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_SERVICE = "svc-handfast"
"""The account that signs people in behind, where nobody says another name."""
_PLAIN = re.compile(r"[A-Za-z0-9@._/-]+")


@dataclass(frozen=True, slots=True)
class DomainCommands:
    """The same work twice."""

    powershell: tuple[str, ...]
    samba: tuple[str, ...]


def build_reader_commands(bind_user: str) -> DomainCommands:
    """Lines that make the account `name@dns.domain` that Handfast reads with: an ordinary user without further rights."""
    name = bind_user.rpartition("@")[0]
    who = f"-Name {_single(name)} -SamAccountName {_single(name)} -UserPrincipalName {_single(bind_user)}"
    prompt = "-AccountPassword (Read-Host -AsSecureString 'Password') -PasswordNeverExpires $true"
    powershell = (f"New-ADUser {who} {prompt} -CannotChangePassword $true -Enabled $true",)
    create = f"samba-tool user create {_shell(name)}"
    return DomainCommands(powershell, (create, f"samba-tool user setexpiry {_shell(name)} --noexpiry"))


def build_delegation_commands(principal: str, spns: Sequence[str]) -> DomainCommands:
    """Lines that make the account `name@REALM` that signs people in behind, to exactly these SPNs, however they came.

    Source: MS-SFU 1.3 (protocol transition, constrained delegation).
    """
    name, _, realm = principal.rpartition("@")
    domain = realm.lower()
    who = f"-Name {_single(name)} -SamAccountName {_single(name)} -UserPrincipalName {_single(f'{name}@{domain}')}"
    prompt = "-AccountPassword (Read-Host -AsSecureString 'Password') -PasswordNeverExpires $true"
    listed = ",".join(map(_single, spns))
    powershell = (
        f"New-ADUser {who} {prompt} -KerberosEncryptionType AES128,AES256 -Enabled $true",
        f"setspn -S HTTP/{name}.{domain} {name}",
        f"Set-ADAccountControl {_single(name)} -TrustedToAuthForDelegation $true",
        f"Set-ADUser {_single(name)} -Add @{{'msDS-AllowedToDelegateTo'={listed}}}",
    )
    samba = (
        f"samba-tool user create {_shell(name)}",
        f"samba-tool spn add {_shell(f'HTTP/{name}.{domain}')} {_shell(name)}",
        f"samba-tool delegation for-any-protocol {_shell(name)} on",
        *(f"samba-tool delegation add-service {_shell(name)} {_shell(spn)}" for spn in spns),
    )
    return DomainCommands(powershell, samba)


def _single(text: str) -> str:
    """A PowerShell literal; a quote in it is doubled (about_Quoting_Rules)."""
    return "'" + text.replace("'", "''") + "'"


def _shell(text: str) -> str:
    """One word of a POSIX shell."""
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"
