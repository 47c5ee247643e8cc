"""Published names and paths, and those of the servers behind them: mapped on the way in, mapped back on the way out.

`/ews` outside may be `/ext-ews` on another host name inside. What an answer says of places (Location, Content-Location,
the Path of a cookie) is turned round, so that a client stays outside; a place that can't be turned round is not published,
and the caller refuses the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_COOKIE_PATH_RE = re.compile(rb"(;[ \t]*path[ \t]*=[ \t]*)([^; \t]+)", re.IGNORECASE)
_WORD_START = rb"(?:(?<![A-Za-z0-9.-])|(?<=%[0-9A-Fa-f]{2}))"
_ORIGIN_RE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class PathMapping:
    """One published path (it and everything below it), the path behind, and the Host field sent with it.

    Paths begin with a slash and don't end with one. `host` is empty where the publication's own is sent.
    """

    published: str
    path: str
    host: str = ""


class PathMap:
    """All mappings of one publication; the longest published path wins. `inside_hosts` are the names its servers have."""

    __slots__ = ("_back", "_inside", "_inside_re", "_mappings")

    def __init__(self, mappings: Iterable[PathMapping], inside_hosts: Iterable[str]) -> None:
        self._mappings = sorted(mappings, key=lambda item: -len(item.published))
        self._back = sorted(self._mappings, key=lambda item: -len(item.path))
        named = {item.host for item in self._mappings if item.host}
        self._inside = frozenset(host.lower() for host in (*inside_hosts, *named) if host)
        self._inside_re = _names_re(self._inside)

    def find(self, path: str) -> PathMapping | None:
        """The mapping of a published path in any case, or None."""
        return next((item for item in self._mappings if _is_below(path, item.published)), None)

    def behind(self, path: str) -> str:
        """A published path as its server calls it."""
        found = self.find(path)
        return path if found is None else found.path + path[len(found.published) :]

    def place_outside(self, value: bytes, host: bytes) -> bytes:
        """A URL or path of the inside as it is outside, on the published `host`; any other place as it is."""
        match = _ORIGIN_RE.fullmatch(value)
        if match is None:
            return self._path_outside(value) if value.startswith(b"/") and value[1:2] != b"/" else value
        if not self._is_inside(value):
            return value
        rest = match[2] if match[2].startswith(b"/") else b"/" + match[2]
        return b"https://" + host + self._path_outside(rest)

    def names_inside(self, value: bytes) -> bool:
        """True where a server's name stands anywhere in a value."""
        return self._inside_re is not None and self._inside_re.search(value) is not None

    def cookie_outside(self, value: bytes) -> bytes:
        """A Set-Cookie field whose Path is the published one."""
        return _COOKIE_PATH_RE.sub(lambda found: found[1] + self._path_outside(found[2]), value)

    def _is_inside(self, value: bytes) -> bool:
        try:
            parts = urlsplit(value.decode("ascii"))
            return parts.username is None and (parts.hostname or "") in self._inside
        except ValueError:
            return False

    def _path_outside(self, path: bytes) -> bytes:
        for item in self._back:
            inside = item.path.encode("ascii")
            if _is_below(path.decode("latin-1"), item.path):
                return item.published.encode("ascii") + path[len(inside) :]
        return path


def _names_re(names: frozenset[str]) -> re.Pattern[bytes] | None:
    """Finds a name: one with dots wherever it stands, a single word (which a path may hold too) only as a URL's host."""
    found = []
    for name in sorted(names):
        before = _WORD_START if "." in name else rb"(?://|%2f%2f|@)"
        found.append(before + re.escape(name.encode("ascii")) + rb"(?![A-Za-z0-9-])")
    return re.compile(b"|".join(found), re.IGNORECASE) if found else None


def _is_below(path: str, beginning: str) -> bool:
    """True for the path itself and everything below it, a query included; case does not matter, as with IIS."""
    return path[: len(beginning)].lower() == beginning.lower() and path[len(beginning) :][:1] in (
        "",
        "/",
        "?",
        "#",
    )
