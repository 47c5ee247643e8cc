"""Text of others in lines that people read, copy and run: names of accounts and their places in a directory above all.

A word is quoted so that the shell gives back the very text, whatever stands in it. That holds for one line alone: a text
with a line break must not become part of a line at all (`str.isprintable`), or be shown as `one_line`.
"""

from __future__ import annotations

import re
import shlex

_SINGLE_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")


def one_line(text: str) -> str:
    """The text with every character escaped that can't be seen: line breaks, control characters, marks of writing direction."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def powershell_word(text: str) -> str:
    """A string literal of PowerShell, in which nothing is expanded.

    Typographic quotes end it as the plain one does, and each is doubled to stand for itself.
    Source: about_Quoting_Rules; PowerShell language specification 2.3.5.2 (single-quote-character).
    """
    return "'" + _SINGLE_QUOTES.sub(r"\g<0>\g<0>", text) + "'"


def posix_word(text: str) -> str:
    """A word of a POSIX shell; plain text stays as it is. Source: POSIX.1-2017, XCU 2.2.2."""
    return shlex.quote(text)
