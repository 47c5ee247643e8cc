"""SPNEGO, as far as it carries NTLM or a Kerberos ticket inside `Authorization: Negotiate`.

The client lists mechanisms and may send the first one's opening along. That opening is taken where it is NTLM or, where
tickets are served, Kerberos; else we choose NTLM, if the client has it. mechListMIC, which guards that list, is read and
neither demanded nor sent: it could keep nobody from the weaker mechanism, because the list of schemes in `WWW-Authenticate`,
where a client first chooses, has no such guard. Both stand inside TLS; against whoever has broken that, channel bindings
protect either mechanism where they are required. Where only tickets shall do, the publication's `auth` says so.

Source: RFC 4178 5; RFC 4559 4; RFC 5929; MS-SPNG.
"""
