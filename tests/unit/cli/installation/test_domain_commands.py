from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.cli.installation.domain_commands import build_delegation_commands, build_reader_commands
from tests.powershell import SINGLE_QUOTES, cut


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


NAMES = st.text(min_size=1) | st.text(alphabet=SINGLE_QUOTES + '"`$(;)\\ a', min_size=1)


@given(NAMES, NAMES)
def test_no_name_is_code(name, spn):
    """Each line is the one of a plain name, but for its words."""
    for build in (
        lambda name, spn: build_reader_commands(f"{name}@contoso.lab"),
        lambda name, spn: build_delegation_commands(f"{name}@CONTOSO.LAB", [spn, spn]),
    ):
        plain, odd = build("NAME", "SPN"), build(name, spn)
        for expected, line in zip(plain.powershell, odd.powershell, strict=True):
            code, words = cut(expected)
            assert cut(line) == (code, [filled(word, name, spn) for word in words])
        for expected, line in zip(plain.samba, odd.samba, strict=True):
            assert shlex.split(line) == [filled(word, name, spn) for word in shlex.split(expected)]


def filled(word: str, name: str, spn: str) -> str:
    """The word of a plain line, with the odd text in the plain one's place."""
    return spn if word == "SPN" else word.replace("NAME", name)


def test_the_account_that_signs_people_in_behind():
    lines = build_delegation_commands(
        "svc-handfast@CONTOSO.LAB", ["HTTP/mail.contoso.lab", "HTTP/sfb.contoso.lab"]
    )
    assert lines.powershell[1:] == (
        "setspn -S 'HTTP/svc-handfast.contoso.lab' 'svc-handfast'",
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
