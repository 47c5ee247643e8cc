"""Upper-casing as Windows compares names: one character for one, and never into ASCII from outside it.

`str.upper` is not that: it turns one character into several ("ß" into "SS") and letters beyond ASCII into ASCII ones
(dotless i, U+0131, into "I", long s, U+017F, into "S"), so that two names would meet that are two accounts. Windows maps UTF-16
code units one by one, hence characters beyond the basic plane stay too.
Source: MS-NLMP 6 (UpperCase); MS-UCODEREF 3.1.5.3 (ToUpperCase).
"""

from __future__ import annotations

import itertools


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


_ALPHABETS = (
    *(range(0x61, 0x7B), range(0xE0, 0x100)),
    *(range(0x100, 0x180), (0x1A1, 0x1B0), range(0x1E00, 0x1E96), range(0x1EA0, 0x1EFA)),
    *(range(0x3AC, 0x3C2), range(0x3C3, 0x3CF)),
    *(range(0x430, 0x450), range(0x451, 0x45D), (0x45E, 0x45F), range(0x491, 0x4C0), range(0x4D1, 0x4EC)),
)
"""Latin, Greek without the final sigma, Cyrillic: as of Unicode 1.1, which no table of a domain controller is older than."""
_SURE = {code: upcase(chr(code)) for code in itertools.chain(*_ALPHABETS)}


def upcase_surely(text: str) -> str:
    """`text` with those letters upper-cased that every domain controller takes for the same in either case.

    `upcase` knows more: letters that got their other case later (Georgian), and some that a controller keeps apart anyway
    (Samba: "ș" and "Ș" with a comma, "ѐ", "ѝ"). There two names that `upcase` makes one may be two accounts, or two groups.
    """
    return text.translate(_SURE)


def is_surely_one(name: str, other: str) -> bool:
    """True where every domain controller takes the two for one name."""
    return upcase_surely(name) == upcase_surely(other)


def upcase_ascii(text: str) -> str:
    """`text` with a-z upper-cased and everything else untouched."""
    return "".join(character.upper() if character.isascii() else character for character in text)
