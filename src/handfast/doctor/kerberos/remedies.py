"""The commands that mend a finding: setspn and PowerShell for Windows, samba-tool for a Samba domain.

The PowerShell lines follow Microsoft's documentation of the ActiveDirectory module; they were never run by us.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from handfast.doctor.kerberos.findings import Commands
from handfast.identity.directory.domain_account import AES_TYPES, DomainAccount
from handfast.protocols.printed import posix_word as _sh
from handfast.protocols.printed import powershell_word as _ps

SERVERS_ACCOUNT = "SERVERS-ACCOUNT"
"""Stands where only the administrator knows which account the servers share."""
SAM_DATABASE = "/var/lib/samba/private/sam.ldb"
"""Where a Samba domain controller has its accounts."""


def add_spn(spn: str, account: str) -> Commands:
    """Puts an SPN on an account; `-S` looks for duplicates first."""
    return Commands(
        (f"setspn -S {_ps(spn)} {_ps(account)}",), (f"samba-tool spn add {_sh(spn)} {_sh(account)}",)
    )


def move_spn(spn: str, away_from: Sequence[str], to: str = "") -> Commands:
    """Takes an SPN off accounts, and puts it on `to`, where one is given."""
    windows = [f"setspn -D {_ps(spn)} {_ps(name)}" for name in away_from]
    samba = [f"samba-tool spn delete {_sh(spn)} {_sh(name)}" for name in away_from]
    if to:
        added = add_spn(spn, to)
        windows += added.powershell
        samba += added.samba
    return Commands(tuple(windows), tuple(samba))


def allow_transition(account: DomainAccount) -> Commands:
    """Lets the account sign people in who came without Kerberos (S4U2Self, forwardable)."""
    return Commands(
        (f"Set-ADAccountControl -Identity {_ps(account.name)} -TrustedToAuthForDelegation $true",),
        (f"samba-tool delegation for-any-protocol {_sh(account.name)} on",),
    )


def end_unconstrained(account: DomainAccount) -> Commands:
    """Takes away the right to act as anybody towards any service."""
    return Commands(
        (f"Set-ADAccountControl -Identity {_ps(account.name)} -TrustedForDelegation $false",),
        (f"samba-tool delegation for-any-service {_sh(account.name)} off",),
    )


def extend_delegation(account: DomainAccount, spn: str) -> Commands:
    """Puts an SPN on the account's delegation list."""
    return Commands(
        (_change_list(account, "-Add", spn),),
        (f"samba-tool delegation add-service {_sh(account.name)} {_sh(spn)}",),
    )


def shorten_delegation(account: DomainAccount, spn: str) -> Commands:
    """Takes an SPN off the account's delegation list."""
    return Commands(
        (_change_list(account, "-Remove", spn),),
        (f"samba-tool delegation del-service {_sh(account.name)} {_sh(spn)}",),
    )


def enable_account(account: DomainAccount) -> Commands:
    """Lets a disabled account sign in."""
    return Commands(
        (f"Enable-ADAccount -Identity {_ps(account.name)}",), (f"samba-tool user enable {_sh(account.name)}",)
    )


def unlock_account(account: DomainAccount) -> Commands:
    """Ends a lockout."""
    return Commands(
        (f"Unlock-ADAccount -Identity {_ps(account.name)}",), (f"samba-tool user unlock {_sh(account.name)}",)
    )


def end_expiry(account: DomainAccount) -> Commands:
    """Lets an account go on without an end."""
    return Commands(
        (f"Clear-ADAccountExpiration -Identity {_ps(account.name)}",),
        (f"samba-tool user setexpiry {_sh(account.name)} --noexpiry",),
    )


def mark_for_aes(account: DomainAccount) -> Commands:
    """Marks an account for AES; keys of that kind exist once its password was set with the domain at level 2008."""
    change = f"Set-ADObject -Identity {_ps(account.distinguished_name)} -Replace"
    lines = ("replace: msDS-SupportedEncryptionTypes", f"msDS-SupportedEncryptionTypes: {AES_TYPES}")
    return Commands(
        (f"{change} @{{'msDS-SupportedEncryptionTypes'={AES_TYPES}}}",), (_ldbmodify(account, *lines),)
    )


def clear_control(account: DomainAccount, flag: int) -> Commands:
    """Takes one bit of userAccountControl away, and leaves the others as they are by then.

    For Samba the value that was seen is taken for another one, which fails where something else changed it meanwhile.
    """
    name, seen = "userAccountControl", account.control
    found = f"Get-ADObject -Identity {_ps(account.distinguished_name)} -Properties {name}"
    change = f"Set-ADObject $_ -Replace @{{{name}=($_.{name} -band -bnot {flag:#x})}}"
    lines = (f"delete: {name}", f"{name}: {seen}", "-", f"add: {name}", f"{name}: {seen & ~flag}")
    return Commands((f"{found} | ForEach-Object {{ {change} }}",), (_ldbmodify(account, *lines),))


def keep_password(account: DomainAccount) -> Commands:
    """Lets an account's password go on without an end."""
    return Commands(
        (f"Set-ADUser -Identity {_ps(account.name)} -PasswordNeverExpires $true",),
        (f"samba-tool user setexpiry {_sh(account.name)} --noexpiry",),
    )


def end_hours(account: DomainAccount) -> Commands:
    """Lets an account sign in at every hour of the week."""
    change = f"Set-ADObject -Identity {_ps(account.distinguished_name)}"
    return Commands((f"{change} -Clear logonHours",), (_ldbmodify(account, "delete: logonHours"),))


def let_be_delegated(account: DomainAccount, *, is_sensitive: bool, is_protected: bool) -> Commands:
    """Lets others sign in for an account. Whoever marked it may have meant it: that is a question of policy."""
    windows: list[str] = []
    samba: list[str] = []
    if is_sensitive:
        windows.append(f"Set-ADAccountControl -Identity {_ps(account.name)} -AccountNotDelegated $false")
        samba.append(f"samba-tool user sensitive {_sh(account.name)} off")
    if is_protected:
        windows.append(f"Remove-ADGroupMember -Identity 'Protected Users' -Members {_ps(account.name)}")
        samba.append(f"samba-tool group removemembers 'Protected Users' {_sh(account.name)}")
    return Commands(tuple(windows), tuple(samba))


def make_keytab(principal: str, realm: str, path: str, *, crypto: str = "AES256-SHA1") -> Commands:
    """Makes the keytab anew. ktpass sets a new password, so every node needs the new file at once."""
    account = f"/princ {_ps(f'{principal}@{realm}')} /mapuser {_ps(principal)}"
    return Commands(
        (f"ktpass {account} /crypto {crypto} /ptype KRB5_NT_PRINCIPAL /pass * /out handfast.keytab",),
        (f"samba-tool domain exportkeytab {_sh(path)} --principal={_sh(principal)}",),
    )


def _change_list(account: DomainAccount, verb: str, spn: str) -> str:
    change = f"@{{'msDS-AllowedToDelegateTo'={_ps(spn)}}}"
    return f"Set-ADObject -Identity {_ps(account.distinguished_name)} {verb} {change}"


def _ldbmodify(account: DomainAccount, *change: str) -> str:
    """A change of one object, where samba-tool has no command of its own; on one line, each of LDIF's a word."""
    lines = (_ldif("dn", account.distinguished_name), "changetype: modify", *change)
    return f"printf '%s\\n' {' '.join(map(_sh, lines))} | ldbmodify -H {SAM_DATABASE}"


def _ldif(name: str, value: str) -> str:
    """One line of LDIF; what is not plain ASCII goes as Base64 (RFC 2849)."""
    if value.isascii() and value.isprintable() and not value.startswith((" ", ":", "<")):
        return f"{name}: {value}"
    return f"{name}:: {base64.b64encode(value.encode()).decode('ascii')}"
