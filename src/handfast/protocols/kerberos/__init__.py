"""Kerberos as far as bytes go: key tables, the first token of a client, and principals' names.

Nothing is decrypted here. That is the Kerberos library's; it is given only what was found well-formed here first.

Source: RFC 4120; RFC 4121; the MIT keytab file format.
"""
