"""NTLM over HTTP, server side: messages to values and back, and the check of an NTLMv2 proof.

Three messages pass on one connection: NEGOTIATE from the client, CHALLENGE from us, AUTHENTICATE from the client. The
last proves knowledge of the NT hash over our eight random bytes and over the client's own "temp" structure, whose
attribute-value pairs carry channel binding, target name and the promise of a message integrity code. Only NTLMv2 is
taken. Nothing here draws random numbers, reads a clock or looks up an account.

Source: MS-NLMP (NT LAN Manager Authentication Protocol); MS-NTHT (NTLM over HTTP).
"""
