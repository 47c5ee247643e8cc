"""The commands as text: the PowerShell lines were never run by us, so they stand here as golden text."""

from __future__ import annotations

from dataclasses import replace

from handfast.doctor.kerberos import remedies
from handfast.identity.directory.domain_account import DomainAccount

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
    assert "changetype: modify\ndelete: logonHours\n" in line


def test_a_bit_is_taken_from_the_value_as_it_is_by_then():
    cleared = remedies.clear_control(replace(GW, control=0x3000200), 0x2000000)
    (line,) = cleared.powershell
    assert line == (
        "Get-ADObject -Identity 'CN=svc-gw,DC=contoso,DC=lab' -Properties userAccountControl | ForEach-Object"
        " { Set-ADObject $_ -Replace @{userAccountControl=($_.userAccountControl -band -bnot 0x2000000)} }"
    )
    (line,) = cleared.samba
    assert (
        "delete: userAccountControl\nuserAccountControl: 50332160\n-\nadd: userAccountControl\n"
        "userAccountControl: 16777728\n"
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
