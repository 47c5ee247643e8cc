"""SPNEGO, as far as it carries NTLM inside `Authorization: Negotiate`.

The client lists mechanisms and may send the first one's opening along; we choose NTLM, always. Kerberos towards
clients is not offered here, so no choice can be downgraded by leaving a mechanism out, and mechListMIC (which guards
against that) is read and neither demanded nor sent.

Source: RFC 4178; MS-SPNG.
"""
