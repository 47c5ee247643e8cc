"""Looks at an installation and says what is wrong and how to mend it.

Checks are functions from values to findings; `probes.py` and `identity_call.py` alone open sockets and ask the system.
What belongs to other adapters (key file, node PKI, database, identity) comes in as callables, so that the doctor knows
none of them.
"""
