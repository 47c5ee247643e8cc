from __future__ import annotations

from handfast.cli.installation.domain_commands import DomainCommands
from handfast.cli.installation.key_commands import build_key_commands, in_turn


def test_keys_that_stay_and_the_keytab_they_are_brought_in():
    lines = build_key_commands("svc-handfast@CONTOSO.LAB", "/etc/handfast/handfast.keytab")
    (ktpass,) = lines.powershell
    assert ktpass.startswith("ktpass /princ 'svc-handfast@CONTOSO.LAB' /mapuser 'svc-handfast' ")
    expiry, aes, export = lines.samba
    assert expiry == "samba-tool user setexpiry svc-handfast --noexpiry"
    assert "dn: CN=svc-handfast,CN=Users,DC=contoso,DC=lab" in aes
    assert "msDS-SupportedEncryptionTypes: 24" in aes
    assert export.startswith("samba-tool domain exportkeytab /etc/handfast/handfast.keytab --principal=")


def test_both_one_after_the_other():
    first, then = DomainCommands(("a",), ("b",)), DomainCommands(("c",), ("d",))
    assert in_turn(first, then) == DomainCommands(("a", "c"), ("b", "d"))
