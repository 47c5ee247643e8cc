"""WBXML as ActiveSync uses it: version 1.3, UTF-8, no string table, no attributes, no entities.

A document is four bytes of header and one element. An element is a tag token (with bit 0x40 where content follows up
to END); SWITCH_PAGE changes the table tags are looked up in and stays in force. Content is elements, or one inline
string, or one opaque block.

Source: MS-ASWBXML 2.1; WAP-192-WBXML 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.protocols.activesync.code_pages import PAGE_NAMES, TAG_BY_TOKEN, TOKEN_BY_TAG
from handfast.protocols.activesync.element import Element
from handfast.protocols.errors import MalformedMessage

# Exchange takes 10 MB from phones by default (MaxDocumentDataSize); what we read whole is far smaller.
MAX_BYTES = 1024 * 1024
# Sync's deepest path, to the content of an attachment of one occurrence of an appointment, has 11 levels.
MAX_DEPTH = 24
MAX_ELEMENTS = 20_000
# An element takes at most a page, its tag, a string or opaque block and an END. One page more is idle but harmless.
_TOKENS_PER_ELEMENT = 5

_HEADER = bytes([0x03, 0x01, 0x6A, 0x00])  # version 1.3, public id unknown, UTF-8, empty string table
_SWITCH_PAGE = 0x00
_END = 0x01
_STR_I = 0x03
_OPAQUE = 0xC3
_HAS_CONTENT = 0x40
_UINT32_MAX_BYTES = 5
_SOURCE = "MS-ASWBXML 2.1"


def decode(
    data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_elements: int = MAX_ELEMENTS
) -> Element:
    """The document's element. An empty body is no document: some commands allow one, so ask before calling.

    Raises: MalformedMessage with the byte offset, for anything ActiveSync does not allow and for more than the limits.
    """
    if len(data) > max_bytes:
        raise MalformedMessage("wbxml", "document", f"longer than {max_bytes} bytes")
    if not data.startswith(_HEADER):
        raise MalformedMessage(
            "wbxml", "header", "not version 1.3, UTF-8, without string table", "MS-ASWBXML 2.1.2"
        )
    return _Decoder(data, max_depth, max_elements).document()


@dataclass(slots=True)
class _Open:
    """An element whose END has not come yet."""

    page: str
    name: str
    children: list[Element] = field(default_factory=list)
    text: str | None = None
    opaque: bytes | None = None

    @property
    def has_value(self) -> bool:
        return self.text is not None or self.opaque is not None

    def close(self) -> Element:
        return Element(self.page, self.name, tuple(self.children), self.text, self.opaque)


class _Decoder:
    """One pass over the bytes with a stack of open elements; the stack's floor collects the document element."""

    def __init__(self, data: bytes, max_depth: int, max_elements: int) -> None:
        self._data = data
        self._position = len(_HEADER)
        self._page = 0
        self._max_depth = max_depth
        self._max_tokens = max_elements * _TOKENS_PER_ELEMENT
        self._elements_left = max_elements
        self._floor = _Open("", "")
        self._stack = [self._floor]

    def document(self) -> Element:
        for _ in range(self._max_tokens):
            self._token(self._byte("token"))
            if len(self._stack) == 1 and self._floor.children:
                break
        else:
            raise self._malformed("document", "too many tokens")
        if self._position < len(self._data):
            raise self._malformed("document", "bytes after its end")
        return self._floor.children[0]

    def _token(self, token: int) -> None:
        if token == _SWITCH_PAGE:
            self._switch_page()
        elif token == _END:
            self._end()
        elif token == _STR_I:
            self._empty_top("string").text = self._inline_string()
        elif token == _OPAQUE:
            self._empty_top("opaque").opaque = self._opaque()
        else:
            self._tag(token)

    def _switch_page(self) -> None:
        self._page = self._byte("page")
        if self._page not in PAGE_NAMES:
            raise self._malformed("page", f"unknown code page {self._page}", back=1)

    def _tag(self, token: int) -> None:
        # Masking keeps the attribute bit, so 0x80 and above find no name, as do the global tokens 0x02, 0x04, 0x40-44.
        name = TAG_BY_TOKEN.get((self._page, token & ~_HAS_CONTENT))
        if name is None:
            raise self._malformed("tag", f"unknown token 0x{token:02x} on page {self._page}", back=1)
        parent = self._stack[-1]
        if parent.has_value:
            raise self._malformed("tag", "an element beside text", back=1)
        if not self._elements_left:
            raise self._malformed("document", "too many elements", back=1)
        if len(self._stack) > self._max_depth:
            raise self._malformed("document", "nested too deep", back=1)
        self._elements_left -= 1
        opened = _Open(PAGE_NAMES[self._page], name)
        if token & _HAS_CONTENT:
            self._stack.append(opened)
        else:
            parent.children.append(opened.close())

    def _end(self) -> None:
        closed = self._stack.pop()
        if closed is self._floor:
            raise self._malformed("END", "nothing is open", back=1)
        self._stack[-1].children.append(closed.close())

    def _empty_top(self, kind: str) -> _Open:
        top = self._stack[-1]
        if top is self._floor or top.children or top.has_value:
            raise self._malformed(kind, "not the only content of an element", back=1)
        return top

    def _inline_string(self) -> str:
        start = self._position
        end = self._data.find(b"\x00", start)
        if end < 0:
            raise self._malformed("string", "not terminated")
        self._position = end + 1
        try:
            return self._data[start:end].decode("utf-8")
        except UnicodeDecodeError as error:
            self._position = start + error.start
            raise self._malformed("string", "not UTF-8") from None

    def _opaque(self) -> bytes:
        length = self._uint32()
        block = self._data[self._position : self._position + length]
        if len(block) < length:
            raise self._malformed("opaque", f"{length} bytes announced, {len(block)} there")
        self._position += length
        return block

    def _uint32(self) -> int:
        """mb_u_int32: seven bits a byte, most significant first, bit 0x80 says more. Source: WAP-192-WBXML 5.1."""
        value = 0
        for _ in range(_UINT32_MAX_BYTES):
            byte = self._byte("length")
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value
        raise self._malformed("length", "longer than 5 bytes")

    def _byte(self, field_name: str) -> int:
        if self._position >= len(self._data):
            raise self._malformed(field_name, "the document ends early")
        self._position += 1
        return self._data[self._position - 1]

    def _malformed(self, field_name: str, problem: str, *, back: int = 0) -> MalformedMessage:
        return MalformedMessage("wbxml", field_name, f"{problem} at byte {self._position - back}", _SOURCE)


def encode(element: Element) -> bytes:
    """The document for `element`. Raises: ValueError for a tag without a token, NUL in text, or mixed content."""
    out = bytearray(_HEADER)
    page = 0
    pending: list[Element | None] = [element]  # None closes the element opened last
    while pending:
        current = pending.pop()
        if current is None:
            out.append(_END)
            continue
        wanted_page, token = _token_of(current)
        if wanted_page != page:
            out += bytes([_SWITCH_PAGE, wanted_page])
            page = wanted_page
        content = _content(current)
        if content is None and not current.children:
            out.append(token)
            continue
        out.append(token | _HAS_CONTENT)
        out += content or b""
        pending.append(None)
        pending.extend(reversed(current.children))
    return bytes(out)


def _token_of(element: Element) -> tuple[int, int]:
    try:
        return TOKEN_BY_TAG[element.page, element.name]
    except KeyError:
        raise ValueError(f"no token for {element.page}:{element.name}") from None


def _content(element: Element) -> bytes | None:
    """The bytes of text or opaque content, None without either."""
    if (element.text is not None) + (element.opaque is not None) + bool(element.children) > 1:
        raise ValueError(f"{element.page}:{element.name} has mixed content")
    if element.text is not None:
        if "\x00" in element.text:
            raise ValueError(f"{element.page}:{element.name} has NUL in its text")
        return bytes([_STR_I]) + element.text.encode("utf-8") + b"\x00"
    if element.opaque is not None:
        return bytes([_OPAQUE]) + _encode_uint32(len(element.opaque)) + element.opaque
    return None


def _encode_uint32(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
