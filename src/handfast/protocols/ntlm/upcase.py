"""Upper-casing as Windows compares names: one character for one, and never into ASCII from outside it.

`str.upper` is not that: it turns one character into several ("ß" into "SS") and letters beyond ASCII into ASCII ones
(dotless i, U+0131, into "I", long s, U+017F, into "S"), so that two names would meet that are two accounts. Windows maps UTF-16
code units one by one, hence characters beyond the basic plane stay too.
Source: MS-NLMP 6 (UpperCase); MS-UCODEREF 3.1.5.3 (ToUpperCase).
"""

from __future__ import annotations

from unicodedata import ucd_3_2_0


def _upcase_character(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1 or ord(character) > 0xFFFF or (ord(upper) < 0x80 <= ord(character)):
        return character
    return upper


def upcase(text: str) -> str:
    """`text` upper-cased one to one: the result has as many characters, and folding twice changes nothing."""
    if text.isascii():
        return text.upper()
    return "".join(map(_upcase_character, text))


def is_surely_one(name: str, other: str) -> bool:
    """True where every Windows takes the two for one name. Python's letters are newer: some that `upcase` joins got their
    other case after Windows' tables were made (Georgian, Cherokee), and stay two there. Unicode 3.2 is older than any of those in use.
    """
    return upcase(name) == upcase(other) and all(
        one == another or "Cn" not in (ucd_3_2_0.category(one), ucd_3_2_0.category(another))
        for one, another in zip(name, other, strict=True)
    )


def upcase_ascii(text: str) -> str:
    """`text` with a-z upper-cased and everything else untouched."""
    return "".join(character.upper() if character.isascii() else character for character in text)
