"""Who may use what, with which device, until when: requests as values, one file a stage, a closed set of reasons.

A decision is three named steps: an adapter *translates* a message into an `AccessRequest`, the stages *evaluate* it,
and `replies` *renders* the reason for the channel it came by.
"""
