"""Names of the inside in the head of an answer that streams out: a field that tells one does not leave.

Most fields that describe the inside are stripped by their name; this is for those that nobody foresaw. Nearly every head
has no such name, which one look at all of it shows; only where there may be one are its fields looked at singly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from handfast.protocols.errors import MalformedMessage

# A name begins where a run of labels does, which is looked at once; behind an escape like %2F as well.
_START = rb"(?:(?<![A-Za-z0-9.-])|(?<=%[0-9A-Fa-f]{2}))"
_END = rb"(?![A-Za-z0-9-]|\.[A-Za-z0-9])"
_URL_HOST = rb"(?://|%2f%2f|@)"
_NEVER = rb"(?!)"
_PLACES = frozenset({b"location", b"x-ms-location"})


class InsideNames:
    """What may not be told, of one publication.

    `names` may stand nowhere: hosts, domains with all that is in them, and single words. `servers` are the hosts behind
    us; one that is a single word ("exchange") is also a word like any other, and counts only as the host of a URL or
    behind an @. `outside` are names that may stand, also where they end with one of `names`.
    """

    __slots__ = ("_needles", "_outside", "_re")

    def __init__(
        self, names: Iterable[str], servers: Iterable[str] = (), outside: Iterable[str] = ()
    ) -> None:
        self._outside = frozenset(map(_folded, outside))
        everywhere = frozenset(map(_folded, names)) - self._outside - {b""}
        behind = frozenset(map(_folded, servers)) - self._outside - everywhere - {b""}
        words = frozenset(name for name in behind if b"." not in name)
        every = everywhere | behind
        # What holds another of them is found by that one.
        self._needles = tuple(
            name for name in sorted(every) if not any(one in name for one in every - {name})
        )
        self._re = _names_re(everywhere | behind - words, words)

    def may_be_in(self, data: bytes) -> bool:
        """False where none of the names is in `data` in any way: one quick look."""
        folded = data.lower()
        # A generator would cost more than the search.
        for name in self._needles:  # noqa: SIM110
            if name in folded:
                return True
        return False

    def are_in(self, value: bytes) -> bool:
        """True where one of the names stands in `value` as a name."""
        if self._re is None:
            return False
        return any((match[1] or match[2]).lower() not in self._outside for match in self._re.finditer(value))

    def without(self, lines: Sequence[bytes]) -> list[bytes]:
        """A status line and fields, without the fields that tell a name, and without a phrase that does.

        Raises: MalformedMessage for a place to go to: without it the answer would say nothing.
        """
        status, *fields = lines
        kept = [status[: len(b"HTTP/1.1 200 ")] if self.are_in(status) else status]
        for line in fields:
            if not self.are_in(line):
                kept.append(line)
                continue
            name = line.partition(b":")[0].lower()
            if name in _PLACES:
                raise MalformedMessage("http", name.decode("ascii"), "names a server inside")
        return kept


def _folded(name: str) -> bytes:
    return name.lower().rstrip(".").encode("ascii", "replace")


def _names_re(names: Iterable[bytes], servers: Iterable[bytes]) -> re.Pattern[bytes] | None:
    """Finds `names` as words (one with dots at the end of a longer one too), and `servers` as hosts of URLs."""
    dotted = _one_of(name for name in names if b"." in name)
    plain = _one_of(name for name in names if b"." not in name)
    hosts = _one_of(servers)
    if dotted is plain is hosts is None:
        return None
    words = [form for form in (dotted and rb"(?:[A-Za-z0-9.-]*\.)?" + dotted, plain) if form]
    found = _START + rb"(" + b"|".join(words or [_NEVER]) + rb")" + _END
    return re.compile(found + rb"|" + _URL_HOST + rb"(" + (hosts or _NEVER) + rb")" + _END, re.IGNORECASE)


def _one_of(names: Iterable[bytes]) -> bytes | None:
    every = b"|".join(re.escape(name) for name in sorted(names))
    return b"(?:" + every + b")" if every else None
