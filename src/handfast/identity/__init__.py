"""Accounts, app passwords, devices, counters and the audit trail: the records and the rules that change them.

Nothing here knows how a request arrived or where a record is stored. Records are frozen values; rules are functions
over values with `now` as an argument; what must be stored goes through the ports of `ports.py`.
"""
