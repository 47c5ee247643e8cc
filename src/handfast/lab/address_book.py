"""The offline address book: a manifest and big files, which clients fetch piece by piece. Source: MS-OXWOAB 2.2, RFC 9110 14."""

from __future__ import annotations

import re
from typing import Final

from handfast.lab.documents import builder
from handfast.lab.http_message import Headers
from handfast.lab.reply import Reply, xml_bytes
from handfast.lab.site_names import SiteNames

FULL_FILE: Final = "full-details-1.lzx"
_LAST_MODIFIED = "Thu, 01 Jan 2026 03:00:00 GMT"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_oab = builder("", {})


class AddressBook:
    """The files below `/OAB/<GUID>/`; the address book proper has `size` bytes."""

    def __init__(self, names: SiteNames, size: int = 256 * 1024) -> None:
        self._folder = f"/oab/{names.address_book_id}/"
        self._files = {
            "oab.xml": (_manifest(names, size), "text/xml"),
            FULL_FILE: ((bytes(range(251)) * (size // 251 + 1))[:size], "application/octet-stream"),
        }

    def answer(self, method: str, path: str, headers: Headers) -> Reply:
        """`path` in lower case. One range at a time; several are answered with the whole file, as RFC 9110 allows."""
        if method not in ("GET", "HEAD"):
            return Reply(405, headers=(("Allow", "GET, HEAD"),))
        name = path.removeprefix(self._folder)
        if name == path or name not in self._files:
            return Reply(404)
        content, kind = self._files[name]
        fields = (
            ("Accept-Ranges", "bytes"),
            ("ETag", f'"{len(content):x}-{name}"'),
            ("Last-Modified", _LAST_MODIFIED),
        )
        asked = _RANGE.fullmatch(headers.get("Range").strip())
        if not asked or asked[0] == "bytes=-":
            return Reply(200, content, kind, fields)
        piece = _piece(asked[1], asked[2], len(content))
        if not piece:
            return Reply(416, headers=(*fields, ("Content-Range", f"bytes */{len(content)}")))
        span = f"bytes {piece.start}-{piece.stop - 1}/{len(content)}"
        return Reply(206, content[piece.start : piece.stop], kind, (*fields, ("Content-Range", span)))


def _piece(first: str, last: str, size: int) -> range:
    """The bytes asked for, none where they lie outside."""
    if not first:
        return range(max(0, size - int(last[:18])), size)
    end = min(size, int(last[:18]) + 1) if last else size
    return range(int(first[:18]), end)


def _manifest(names: SiteNames, size: int) -> bytes:
    full = _oab("Full", FULL_FILE, seq="1", ver="32", size=str(size), uncompressedsize=str(2 * size))
    book = _oab("OAL", full, id=names.address_book_id, dn="/", name="\\Default Offline Address Book")
    return xml_bytes(_oab("OAB", book))
