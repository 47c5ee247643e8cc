from __future__ import annotations

import shlex

import pytest

from handfast.cli.installation.domain_commands import build_delegation_commands, build_reader_commands


def test_the_lines_an_administrator_gets():
    lines = build_reader_commands("svc-handfast-read@contoso.lab")
    names = "-Name 'svc-handfast-read' -SamAccountName 'svc-handfast-read'"
    upn = "-UserPrincipalName 'svc-handfast-read@contoso.lab'"
    password = "-AccountPassword (Read-Host -AsSecureString 'Password') -PasswordNeverExpires $true"
    assert lines.powershell == (
        f"New-ADUser {names} {upn} {password} -CannotChangePassword $true -Enabled $true",
    )
    assert lines.samba == (
        "samba-tool user create svc-handfast-read",
        "samba-tool user setexpiry svc-handfast-read --noexpiry",
    )


@pytest.mark.parametrize("name", ["o'neil", "a b", "x; rm -rf /", "$(reboot)", "`id`"])
def test_no_name_is_more_than_one_word(name):
    lines = build_reader_commands(f"{name}@contoso.lab")
    assert shlex.split(lines.samba[0]) == ["samba-tool", "user", "create", name]
    assert f"-Name '{name.replace(chr(39), chr(39) * 2)}' " in lines.powershell[0]


def test_the_account_that_signs_people_in_behind():
    lines = build_delegation_commands(
        "svc-handfast@CONTOSO.LAB", ["HTTP/mail.contoso.lab", "HTTP/sfb.contoso.lab"]
    )
    assert lines.powershell[1:] == (
        "setspn -S HTTP/svc-handfast.contoso.lab svc-handfast",
        "Set-ADAccountControl 'svc-handfast' -TrustedToAuthForDelegation $true",
        "Set-ADUser 'svc-handfast' -Add @{'msDS-AllowedToDelegateTo'='HTTP/mail.contoso.lab','HTTP/sfb.contoso.lab'}",
    )
    assert lines.powershell[0].endswith("-KerberosEncryptionType AES128,AES256 -Enabled $true")
    assert lines.samba == (
        "samba-tool user create svc-handfast",
        "samba-tool spn add HTTP/svc-handfast.contoso.lab svc-handfast",
        "samba-tool delegation for-any-protocol svc-handfast on",
        "samba-tool delegation add-service svc-handfast HTTP/mail.contoso.lab",
        "samba-tool delegation add-service svc-handfast HTTP/sfb.contoso.lab",
    )
