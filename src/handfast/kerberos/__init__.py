"""Kerberos: tickets got for accounts behind us, tickets of clients taken in front, and the check that all is set up."""

from handfast.kerberos.opening import Kerberos, open_kerberos
from handfast.kerberos.setup_error import KerberosSetupError

__all__ = ["Kerberos", "KerberosSetupError", "open_kerberos"]
