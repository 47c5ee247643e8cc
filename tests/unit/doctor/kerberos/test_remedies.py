"""The commands as text: the PowerShell lines were never run by us, so they stand here as golden text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.doctor.kerberos import remedies
from handfast.doctor.kerberos.findings import Commands
from handfast.identity.directory.domain_account import DomainAccount
from tests.powershell import SINGLE_QUOTES, cut

SPN = "HTTP/mail.contoso.lab"
ODD = DomainAccount("CN=O'Neil\\, Jörg,DC=contoso,DC=lab", "o'neil j", 0x200)
GW = DomainAccount("CN=svc-gw,DC=contoso,DC=lab", "svc-gw", 0x200)


def test_spns():
    assert remedies.add_spn(SPN, "svc-ex").powershell == ("setspn -S 'HTTP/mail.contoso.lab' 'svc-ex'",)
    assert remedies.move_spn(SPN, ["EX1$"], "svc-ex").powershell == (
        "setspn -D 'HTTP/mail.contoso.lab' 'EX1$'",
        "setspn -S 'HTTP/mail.contoso.lab' 'svc-ex'",
    )
    assert remedies.move_spn(SPN, ["EX1$"]).samba == ("samba-tool spn delete HTTP/mail.contoso.lab 'EX1$'",)


def test_delegation():
    (line,) = remedies.extend_delegation(GW, SPN).powershell
    assert line == (
        "Set-ADObject -Identity 'CN=svc-gw,DC=contoso,DC=lab' -Add"
        " @{'msDS-AllowedToDelegateTo'='HTTP/mail.contoso.lab'}"
    )
    (line,) = remedies.shorten_delegation(GW, SPN).powershell
    assert line == (
        "Set-ADObject -Identity 'CN=svc-gw,DC=contoso,DC=lab' -Remove"
        " @{'msDS-AllowedToDelegateTo'='HTTP/mail.contoso.lab'}"
    )
    assert remedies.allow_transition(GW).powershell == (
        "Set-ADAccountControl -Identity 'svc-gw' -TrustedToAuthForDelegation $true",
    )
    assert remedies.end_unconstrained(GW).powershell == (
        "Set-ADAccountControl -Identity 'svc-gw' -TrustedForDelegation $false",
    )
    assert remedies.let_be_delegated(GW, is_sensitive=True, is_protected=True).powershell == (
        "Set-ADAccountControl -Identity 'svc-gw' -AccountNotDelegated $false",
        "Remove-ADGroupMember -Identity 'Protected Users' -Members 'svc-gw'",
    )


def test_states():
    assert remedies.enable_account(GW).powershell == ("Enable-ADAccount -Identity 'svc-gw'",)
    assert remedies.unlock_account(GW).powershell == ("Unlock-ADAccount -Identity 'svc-gw'",)
    assert remedies.end_expiry(GW).powershell == ("Clear-ADAccountExpiration -Identity 'svc-gw'",)
    assert remedies.mark_for_aes(GW).powershell == (
        "Set-ADObject -Identity 'CN=svc-gw,DC=contoso,DC=lab' -Replace @{'msDS-SupportedEncryptionTypes'=24}",
    )


def test_what_keeps_an_account_from_signing_in():
    assert remedies.keep_password(GW).powershell == (
        "Set-ADUser -Identity 'svc-gw' -PasswordNeverExpires $true",
    )
    assert remedies.end_hours(GW).powershell == (
        "Set-ADObject -Identity 'CN=svc-gw,DC=contoso,DC=lab' -Clear logonHours",
    )
    (line,) = remedies.end_hours(GW).samba
    assert "'changetype: modify' 'delete: logonHours' |" in line


def test_a_bit_is_taken_from_the_value_as_it_is_by_then():
    cleared = remedies.clear_control(replace(GW, control=0x3000200), 0x2000000)
    (line,) = cleared.powershell
    assert line == (
        "Get-ADObject -Identity 'CN=svc-gw,DC=contoso,DC=lab' -Properties userAccountControl | ForEach-Object"
        " { Set-ADObject $_ -Replace @{userAccountControl=($_.userAccountControl -band -bnot 0x2000000)} }"
    )
    (line,) = cleared.samba
    assert (
        "'delete: userAccountControl' 'userAccountControl: 50332160' - 'add: userAccountControl'"
        " 'userAccountControl: 16777728' |"
    ) in line


def test_keytab():
    path = "/etc/handfast/handfast.keytab"
    made = remedies.make_keytab("svc-gw", "CONTOSO.LAB", path)
    assert made.powershell == (
        (
            "ktpass /princ 'svc-gw@CONTOSO.LAB' /mapuser 'svc-gw' /crypto AES256-SHA1 /ptype KRB5_NT_PRINCIPAL /pass *"
            " /out handfast.keytab"
        ),
    )
    assert made.samba == ("samba-tool domain exportkeytab /etc/handfast/handfast.keytab --principal=svc-gw",)


def test_a_name_can_neither_end_its_quotes_nor_its_line():
    assert remedies.enable_account(ODD).powershell == ("Enable-ADAccount -Identity 'o''neil j'",)
    assert remedies.enable_account(ODD).samba == ("""samba-tool user enable 'o'"'"'neil j'""",)
    (line,) = remedies.mark_for_aes(ODD).samba
    assert "dn:: Q049TydOZWlsXCwgSsO2cmcsREM9Y29udG9zbyxEQz1sYWI=" in line
    assert "O'Neil" not in line


ALL: list[Callable[[DomainAccount, str], Commands]] = [
    lambda account, spn: remedies.add_spn(spn, account.name),
    lambda account, spn: remedies.move_spn(spn, [account.name, account.name], account.name),
    lambda account, _spn: remedies.allow_transition(account),
    lambda account, _spn: remedies.end_unconstrained(account),
    remedies.extend_delegation,
    remedies.shorten_delegation,
    lambda account, _spn: remedies.enable_account(account),
    lambda account, _spn: remedies.unlock_account(account),
    lambda account, _spn: remedies.end_expiry(account),
    lambda account, _spn: remedies.let_be_delegated(account, is_sensitive=True, is_protected=True),
    lambda account, _spn: remedies.mark_for_aes(account),
    lambda account, _spn: remedies.clear_control(account, 0x2),
    lambda account, _spn: remedies.keep_password(account),
    lambda account, _spn: remedies.end_hours(account),
    lambda account, spn: remedies.make_keytab(account.name, "REALM", spn),
]
TEXTS = st.text(min_size=1) | st.text(alphabet=SINGLE_QUOTES + '"`$(;)\\ a\n', min_size=1)
PLAIN = DomainAccount("CN=DN", "NAME", 0x200)


@pytest.mark.parametrize("make", ALL)
@given(name=TEXTS, dn=TEXTS, spn=TEXTS)
def test_no_name_is_code(make, name, dn, spn):
    """Each line is the one of plain names, but for its words; where one can't be seen there is none."""
    plain, odd = make(PLAIN, "SPN"), make(DomainAccount(dn, name, 0x200), spn)
    if not odd.powershell:
        assert odd == Commands()
        assert not (name + dn + spn).isprintable()
        return

    def filled(word: str) -> str:
        odd_for = {"CN=DN": dn, "SPN": spn, "NAME": name}
        return re.sub("CN=DN|SPN|NAME", lambda found: odd_for[found[0]], word)

    for expected, line in zip(plain.powershell, odd.powershell, strict=True):
        assert line.isprintable()
        code, words = cut(expected)
        assert cut(line) == (code, list(map(filled, words)))
    for expected, line in zip(plain.samba, odd.samba, strict=True):
        assert line.isprintable()
        for plain_word, word in zip(shlex.split(expected), shlex.split(line), strict=True):
            assert word.startswith("dn:") if plain_word == "dn: CN=DN" else word == filled(plain_word)


@pytest.mark.parametrize("name", ["a\nsetspn -D x", "a\u202eb", "a\x1b[2Kb", "a\u2028b", "a\0b"])
def test_a_name_that_can_not_be_seen_whole_is_in_no_command(name):
    assert remedies.move_spn(SPN, ["svc-ex", name]) == Commands()


def test_ldif_is_one_line_of_the_shell():
    (line,) = remedies.mark_for_aes(GW).samba
    words = shlex.split(line)
    assert words[:4] == ["printf", "%s\\n", "dn: CN=svc-gw,DC=contoso,DC=lab", "changetype: modify"]
    assert words[-4:] == ["|", "ldbmodify", "-H", remedies.SAM_DATABASE]
