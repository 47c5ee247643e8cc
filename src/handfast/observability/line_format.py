"""The form of a log line: `TIME handfast EVENT key=value ...`, one line whatever a client sent.

A value is bare where it consists of printable ASCII without space, quote, `=` and backslash; anything else is a JSON
string in ASCII, so that no control character, line feed or text direction mark reaches a terminal or forges a line.
"""

from __future__ import annotations

import json
import re
import time

MAX_VALUE_CHARACTERS = 256
"""A name or path longer than this is cut, and says so by three dots: a log is no store for attackers."""

_IS_BARE = re.compile(r"[!#-<>-\[\]-~]{1,256}").fullmatch


def format_value(value: object) -> str:
    """One value, bare or quoted."""
    if type(value) is str:
        return value if _IS_BARE(value) else _quote(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if _IS_BARE(text) else _quote(text)


def format_time(seconds: float) -> str:
    """UTC with milliseconds, e.g. `2026-01-01T00:00:00.000Z`; `seconds` since 1970."""
    whole = int(seconds)
    return f"{_format_second(whole)}.{int((seconds - whole) * 1000):03d}Z"


def _quote(value: str) -> str:
    if len(value) > MAX_VALUE_CHARACTERS:
        value = value[: MAX_VALUE_CHARACTERS - 3] + "..."
    # JSON leaves DEL alone, a terminal does not.
    return json.dumps(value).replace("\x7f", "\\u007f")


def _format_second(whole: int) -> str:
    global _LAST_SECOND  # noqa: PLW0603 - one cached value; thousands of lines share each second
    if _LAST_SECOND[0] != whole:
        _LAST_SECOND = (whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)))
    return _LAST_SECOND[1]


_LAST_SECOND: tuple[int, str] = (-1, "")
