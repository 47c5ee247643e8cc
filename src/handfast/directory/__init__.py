"""Active Directory, read by LDAP over TLS: accounts, their changes, the lockout policy, and (where allowed) passwords.

`open_directory(settings)` gives what fits `identity.directory.ports.Directory`. Below it:

    active_directory   the port                 controllers   which domain controller is asked, and for how long
    changes            what changed, streamed   session       one connection of ldap3; all that blocks is here
    lookup, password   one account              own_account   what we read with, and how it stays unlocked
    checking           what commands ask        examination   looks at each controller; `findings` judge what it saw

The rest are searches that several of these make, and what is pure: attributes, groups, filters, a breaker.

Each domain controller has threads of its own: a frozen one keeps its own busy and nobody else's.
"""

from handfast.directory.opening import DirectorySetupError, check_setup, open_directory

__all__ = ["DirectorySetupError", "check_setup", "open_directory"]
