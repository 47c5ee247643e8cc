"""Kerberos: tickets got for accounts behind us, tickets of clients taken in front, and the check that all is set up."""
