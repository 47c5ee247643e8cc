"""Accounts whose home is a directory: what it says of them, what follows from that, and how its changes are mirrored."""
