"""What the simulated Exchange answers: whole, streamed, or later."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

from lxml import etree

XML_TYPE = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer without its front end's headers."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """An answer that goes out in chunks as they come. It ends with `chunks`, or when the client leaves."""

    chunks: AsyncIterator[bytes]
    content_type: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


FinishedReply = Reply | StreamedReply
Answer = FinishedReply | Coroutine[Any, Any, FinishedReply]


def xml_reply(document: etree._Element, status: int = 200) -> Reply:
    """An XML document with its declaration."""
    return Reply(status, xml_bytes(document), XML_TYPE)


def xml_bytes(document: etree._Element) -> bytes:
    """UTF-8 with a declaration in the double quotes that .NET writes."""
    return b'<?xml version="1.0" encoding="utf-8"?>' + etree.tostring(document, encoding="utf-8")
