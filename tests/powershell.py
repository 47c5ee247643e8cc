"""How PowerShell cuts a line: what is quoted, and what is code. For tests of printed commands; nothing here runs them."""

from __future__ import annotations

SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
"""Each of them begins and ends a string, and two of them stand for one. Source: language specification 2.3.5.2."""


def cut(line: str) -> tuple[str, list[str]]:
    """(the code, with `?` for each single-quoted string; what these strings say).

    Raises: ValueError where the last one is never closed.
    """
    code, words, at = "", [], 0
    while at < len(line):
        if line[at] not in SINGLE_QUOTES:
            code += line[at]
            at += 1
            continue
        word, at = _read(line, at + 1)
        words.append(word)
        code += "?"
    return code, words


def _read(line: str, at: int) -> tuple[str, int]:
    """A string's text, and where the code goes on."""
    text = ""
    while at < len(line):
        if line[at] in SINGLE_QUOTES:
            at += 1
            if line[at : at + 1] not in set(SINGLE_QUOTES):
                return text, at
        text += line[at]
        at += 1
    raise ValueError("the string is never closed")
