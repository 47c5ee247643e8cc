"""What a domain administrator runs for us: the lines themselves, for PowerShell and for samba-tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handfast.protocols.printed import posix_word, powershell_word

DEFAULT_SERVICE = "svc-handfast"
"""The account that signs people in behind, where nobody says another name."""


@dataclass(frozen=True, slots=True)
class DomainCommands:
    """The same work twice. Whoever prints them looks that no line holds what can't be seen."""

    powershell: tuple[str, ...]
    samba: tuple[str, ...]


def build_reader_commands(bind_user: str) -> DomainCommands:
    """Lines that make the account `name@dns.domain` that Handfast reads with: an ordinary user without further rights."""
    name, _, domain = bind_user.rpartition("@")
    create = f"samba-tool user create {posix_word(name)}"
    return DomainCommands(
        (f"{_new_user(name, domain)} -CannotChangePassword $true -Enabled $true",),
        (create, f"samba-tool user setexpiry {posix_word(name)} --noexpiry"),
    )


def build_delegation_commands(principal: str, spns: Sequence[str]) -> DomainCommands:
    """Lines that make the account `name@REALM` that signs people in behind, to exactly these SPNs, however they came.

    Source: MS-SFU 1.3 (protocol transition, constrained delegation).
    """
    name, _, realm = principal.rpartition("@")
    domain = realm.lower()
    own_spn = f"HTTP/{name}.{domain}"
    windows_name, samba_name = powershell_word(name), posix_word(name)
    listed = ",".join(map(powershell_word, spns))
    powershell = (
        f"{_new_user(name, domain)} -KerberosEncryptionType AES128,AES256 -Enabled $true",
        f"setspn -S {powershell_word(own_spn)} {windows_name}",
        f"Set-ADAccountControl {windows_name} -TrustedToAuthForDelegation $true",
        f"Set-ADUser {windows_name} -Add @{{'msDS-AllowedToDelegateTo'={listed}}}",
    )
    samba = (
        f"samba-tool user create {samba_name}",
        f"samba-tool spn add {posix_word(own_spn)} {samba_name}",
        f"samba-tool delegation for-any-protocol {samba_name} on",
        *(f"samba-tool delegation add-service {samba_name} {posix_word(spn)}" for spn in spns),
    )
    return DomainCommands(powershell, samba)


def _new_user(name: str, domain: str) -> str:
    """PowerShell that asks for the password."""
    who = f"-Name {powershell_word(name)} -SamAccountName {powershell_word(name)}"
    upn = f"-UserPrincipalName {powershell_word(f'{name}@{domain}')}"
    prompt = "-AccountPassword (Read-Host -AsSecureString 'Password') -PasswordNeverExpires $true"
    return f"New-ADUser {who} {upn} {prompt}"
