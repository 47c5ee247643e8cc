"""Looks at an installation and says what is wrong and how to mend it.

Checks are functions from values to findings; `probes.py` alone opens sockets and asks the system. What belongs to
other adapters (key file, database, identity) comes in as callables, so that the doctor knows none of them.
"""
