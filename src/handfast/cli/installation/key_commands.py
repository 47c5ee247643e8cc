"""What a domain administrator runs for the keys of the account that signs people in behind, once it is made."""

from __future__ import annotations

from handfast.cli.installation.domain_commands import DomainCommands
from handfast.doctor.kerberos import remedies
from handfast.identity.directory.domain_account import DomainAccount


def build_key_commands(principal: str, keytab: str) -> DomainCommands:
    """Lines that let the keys of `name@REALM` be AES's, and stay; and the keytab, which is then brought to `keytab`.

    PowerShell has said the first two when it made the account.
    """
    name, _, realm = principal.rpartition("@")
    container = ",".join(["CN=Users", *(f"DC={label}" for label in realm.lower().split("."))])
    account = DomainAccount(f"CN={name},{container}", name, 0)
    made = remedies.make_keytab(name, realm, keytab)
    samba = (*remedies.keep_password(account).samba, *remedies.mark_for_aes(account).samba, *made.samba)
    return DomainCommands(made.powershell, samba)


def in_turn(first: DomainCommands, then: DomainCommands) -> DomainCommands:
    """Both, one after the other."""
    return DomainCommands((*first.powershell, *then.powershell), (*first.samba, *then.samba))
