"""Active Directory, read by LDAP over TLS: accounts, their changes, the lockout policy, and (where allowed) passwords."""
