"""`handfast kerberos check`: is the domain set up so that people can be signed in behind us, and nothing more?

Facts are gathered by others (`gathering`); what follows from them is pure (`judging`), and each finding comes with the
commands that mend it (`remedies`).
"""
