"""The `Authorization` field of HTTP, and the names people sign in with.

Source: RFC 9110 11.4, 11.6.2; RFC 7617 (Basic); RFC 4559 (Negotiate); MS-NTHT (NTLM).
"""
