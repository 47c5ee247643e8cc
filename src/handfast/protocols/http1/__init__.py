"""HTTP/1.1 as the gateway reads and writes it: one strict reading of each byte, and no second opinion.

Request smuggling lives on two parsers that disagree. Everything here is refused unless its meaning is beyond doubt;
what passes is written anew by the encoders, never copied. Followed: RFC 9110, RFC 9112, the PROXY protocol v2.
"""
