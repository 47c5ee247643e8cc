"""Reads a SOAP message as it comes, up to the operation that its Body asks for, and says what stands before it.

Everything after the start of that operation stays unread: a message of many megabytes is read for a few hundred bytes,
and streams on. Only an operation that the caller names is read to its end. That is sound as long as nobody behind us can
see another header, or another operation, than the one read here. So the beginning has to be of one form, which every XML
1.0 reader understands alike:

    document  = [BOM] [XML declaration] misc envelope-start misc [header] misc body-start misc operation-start
    misc      = white space and comments
    header    = one element Header in the Envelope's namespace, whatever is in it

- The charset is UTF-8 whatever is said: a declaration that names another one than UTF-8 (or US-ASCII, and then each byte
  has to be ASCII) is refused, and so are bytes that are no UTF-8, UTF-16 in any disguise (its NULs are no characters of
  XML), and a byte order mark of another charset.
- No document type, so no entity but the five of XML, no default attributes; no processing instruction; no XML 1.1.
- The Envelope is SOAP 1.1's or 1.2's; between it and the Body stands at most one Header and no other element or text. A
  second Header, or one after the Body has begun, is none to a SOAP server (SOAP 1.1 4: the Header, if present, is the
  first child), but the first is refused, because a lenient one might merge them.
- The operation is the Body's first element, with no text before it, and a Body without one is refused. What may stand
  after it is none to a server that takes one operation a message (WS-I BP 1.1 R2201); within an operation that is read
  to its end, whatever else the Body holds counts as a part of it.
- What is not well-formed with namespaces is refused where it stands. expat, which reads here, checks that as strictly
  as other readers in use do; the property tests compare it with libxml2.

Comments are passed over: no conforming reader sees an element in one, nor text where there is one.

Source: SOAP 1.1 4, SOAP 1.2 part 1 5, XML 1.0 2.1 to 2.8 and 4.3.3, Namespaces in XML 1.0.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple
from xml.parsers import expat

from handfast.protocols.errors import MalformedMessage

MAX_PREFIX_BYTES = 64 * 1024
"""From the first byte to the start of the operation. Real messages have less than 2 KiB there."""
MAX_WHOLE_BYTES = 256 * 1024
"""From the first byte to the end of an operation that is read to its end."""
_STEP_BYTES = 1024
"""Handed to expat at a time: it reads to the end of what it is given, whatever we have found in it."""
MAX_DEPTH = 32
MAX_ELEMENTS = 500
MAX_WHOLE_ELEMENTS = 10_000
MAX_ATTRIBUTES = 64
TYPE_BY_ATTRIBUTE = "xsi:type"
"""Stands among the parts for any attribute that makes an element one of another type (XML Schema 1 2.6.1)."""

_ENVELOPES = frozenset(
    {"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}
)
_CHARSETS = frozenset({"utf-8", "us-ascii"})
_TYPE_ATTRIBUTE = "http://www.w3.org/2001/XMLSchema-instance type"


class QName(NamedTuple):
    """The name of an element: its namespace ("" for none) and its local name, as written."""

    namespace: str
    local: str


class _EnoughRead(Exception):
    """Leaves the reader where all that it looks for has been seen."""


class SoapPrefixReader:
    """Eats the beginning of one message.

    Attributes:
        blocks: the Header's own elements, in order.
        names: the local name of every element in the Header, at any depth, as written.
        operation: the Body's first element, None until it was seen.
        parts: the local names of all elements within an operation that is read to its end.
        is_done: whether everything was read that is ever read; after that `feed` does nothing.
    """

    def __init__(self, charset: bytes = b"utf-8", reads_whole: Container[str] = ()) -> None:
        """`charset` is what the Content-Type says, see `content_type`; `reads_whole` are local names of operations."""
        self.blocks: list[QName] = []
        self.names: set[str] = set()
        self.operation: QName | None = None
        self.parts: set[str] = set()
        self.is_done = False
        self._reads_whole = reads_whole
        self._is_ascii = charset == b"us-ascii"
        self._read_bytes = 0
        self._max_bytes = MAX_PREFIX_BYTES
        self._is_at_start = True
        self._depth = 0
        self._elements = 0
        self._max_elements = MAX_ELEMENTS
        self._namespace = ""
        self._has_header = False
        self._is_in_body = False
        self._parser = self._build_parser()

    def feed(self, data: bytes) -> None:
        """Reads on. Raises: MalformedMessage."""
        if self.is_done or not data:
            return
        for start in range(0, len(data), _STEP_BYTES):
            step = data[start : start + _STEP_BYTES]
            self._read_bytes += len(step)
            if self._read_bytes > self._max_bytes:
                raise _refused("message", f"longer than {self._max_bytes} bytes where it has to be read")
            if self._parse(step):
                return

    def close(self) -> None:
        """The message ends here. Raises: MalformedMessage where not all was seen that has to be."""
        if not self.is_done:
            raise _refused(
                "message", "ends before its operation does" if self.operation else "asks for nothing"
            )

    def _parse(self, data: bytes) -> bool:
        """True where nothing after `data` is read any more."""
        self._check_bytes(data)
        try:
            self._parser.Parse(data, False)
        except _EnoughRead:
            self.is_done = True
            # What expat has read is all that counts; the parser and its callbacks would hold each other.
            del self._parser
        except expat.ExpatError as error:
            raise _refused("message", f"not well-formed: {expat.ErrorString(error.code)}") from None
        if self._is_ascii and not data.isascii():
            raise _refused("charset", "said to be US-ASCII and is not")
        return self.is_done

    def _check_bytes(self, data: bytes) -> None:
        """Gives expat no UTF-16 to see: it reads that where it thinks it sees some, whatever it was told."""
        if b"\0" in data:
            raise _refused("charset", "UTF-16, or a character that XML has not", "XML 1.0 appendix F")
        if self._is_at_start:
            self._is_at_start = False
            if data[:1] not in (b"\xef", b"<", b"\t", b"\r", b"\n", b" "):
                raise _refused("charset", "begins with no XML in UTF-8", "XML 1.0 appendix F")

    def _build_parser(self) -> expat.XMLParserType:
        # The charset is given, so that no declaration can change how the bytes are read.
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.buffer_text = False
        if hasattr(parser, "SetReparseDeferralEnabled"):  # pragma: no cover - expat 2.6
            parser.SetReparseDeferralEnabled(False)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = self._on_declaration
        parser.StartDoctypeDeclHandler = _on_doctype
        parser.EntityDeclHandler = _on_doctype
        parser.ProcessingInstructionHandler = _on_instruction
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        return parser

    def _on_declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise _refused("declaration", "only XML 1.0 is read", "XML 1.0 2.8")
        if encoding is not None:
            if encoding.lower() not in _CHARSETS:
                raise _refused(
                    "declaration", f"a charset that is not read here: {encoding[:40]!a}", "XML 1.0 4.3.3"
                )
            self._is_ascii = self._is_ascii or encoding.lower() == "us-ascii"

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        self._elements += 1
        self._depth += 1
        is_large = self._elements > self._max_elements or len(attributes) > MAX_ATTRIBUTES
        if is_large or self._depth > MAX_DEPTH:
            raise _refused("message", "too many elements, levels or attributes")
        if self._depth == 1:
            if local != "Envelope" or namespace not in _ENVELOPES:
                raise _refused("Envelope", "is no SOAP Envelope", "SOAP 1.1 4")
            self._namespace = namespace
        elif self._depth == 2:
            self._begin_section(namespace, local)
        elif self._is_in_body:
            self._begin_in_body(namespace, local, attributes)
        else:
            self.names.add(local)
            if self._depth == 3:
                self.blocks.append(QName(namespace, local))

    def _begin_section(self, namespace: str, local: str) -> None:
        """Header or Body, and nothing else."""
        if namespace == self._namespace and local == "Body":
            self._is_in_body = True
            return
        if namespace != self._namespace or local != "Header":
            raise _refused("Envelope", f"holds {local[:40]!a} before its Body", "SOAP 1.1 4")
        if self._has_header:
            raise _refused("Header", "given more than once", "SOAP 1.1 4")
        self._has_header = True

    def _begin_in_body(self, namespace: str, local: str, attributes: dict[str, str]) -> None:
        """The operation, or a part of one that is read to its end."""
        if self.operation is not None:
            self.parts.add(local)
        else:
            self.operation = QName(namespace, local)
            if local not in self._reads_whole:
                raise _EnoughRead
            self._max_bytes, self._max_elements = MAX_WHOLE_BYTES, MAX_WHOLE_ELEMENTS
        if _TYPE_ATTRIBUTE in attributes:
            self.parts.add(TYPE_BY_ATTRIBUTE)

    def _on_end(self, _name: str) -> None:
        if self._depth == 2 and self._is_in_body:
            if self.operation is None:
                raise _refused("Body", "asks for nothing", "WS-I BP 1.1 R2201")
            raise _EnoughRead
        self._depth -= 1

    def _on_text(self, text: str) -> None:
        is_between = self._depth < 2 or (self._is_in_body and self._depth == 2)
        if is_between and text.strip(" \t\r\n"):
            raise _refused("Body" if self._is_in_body else "Envelope", "holds text", "SOAP 1.1 4")


def _on_doctype(*_: object) -> None:
    raise _refused("message", "a document type", "SOAP 1.1 3")


def _on_instruction(_target: str, _data: str) -> None:
    raise _refused("message", "a processing instruction", "SOAP 1.1 3")


def _refused(name: str, problem: str, source: str = "") -> MalformedMessage:
    return MalformedMessage("soap", name, problem, source)
