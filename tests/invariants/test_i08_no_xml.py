"""I8: XML with no DOCTYPE, no entities, no network. Two modules read XML and nothing else does; each of them refuses what
reaches beyond the document. Whoever brings in a third one has to come here first, and bring its own attacks."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.soap import prefix_reader
from handfast.protocols.soap.prefix_reader import SoapPrefixReader
from handfast.protocols.xml import document
from handfast.protocols.xml.document import parse_xml

SOURCE = Path(__file__).parents[2] / "src" / "handfast"
READERS = {"defusedxml", "xmltodict", "bs4", "html5lib", "xmlrpc", "elementtree", "zeep", "signxml"}
"""Libraries that read XML in ways nobody here has looked at."""
READING = {
    "fromstring",
    "fromstringlist",
    "iterparse",
    "iterwalk",
    "XML",
    "XMLID",
    "HTML",
    "XMLParser",
    "HTMLParser",
    "XMLPullParser",
    "ParserCreate",
    "make_parser",
    "parseString",
    "xinclude",
    "XInclude",
    "XSLT",
    "document",
}
"""Calls that begin to read XML, or to reach beyond a document that was read."""
READ_BY = {"protocols/xml/document.py", "protocols/soap/prefix_reader.py", "lab/documents.py"}
"""The second is a stream's reader; the third a simulated server's, which no real client ever meets."""


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", ""))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )


def is_reader(name: str) -> bool:
    top = name.partition(".")[0]
    return top in READERS or (top == "xml" and not name.startswith(("xml.sax.saxutils", "xml.parsers")))


def xml_readers(root: Path) -> set[str]:
    """Modules that read XML, with what they do it by."""
    found = set()
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text())
        module = path.relative_to(root).as_posix()
        has_library = any(name.startswith(("lxml", "xml.parsers", "pyexpat")) for name in imported(tree))
        found |= {f"{module}: {name}" for name in imported(tree) if is_reader(name)}
        if has_library and READING & set(called(tree)):
            found.add(module)
    return found


def test_only_these_read_xml():
    assert len(list(SOURCE.rglob("*.py"))) > 100
    assert xml_readers(SOURCE) == READ_BY


@pytest.mark.parametrize(
    "line",
    [
        "import xml.etree.ElementTree as ET",
        "from lxml import etree; etree.fromstring(b'')",
        "from lxml import etree; etree.XMLParser(resolve_entities=True)",
        "from xml.sax import parse",
        "from xml.parsers import expat; expat.ParserCreate()",
        "import importlib; importlib.import_module('xml.dom.minidom')",
    ],
)
def test_a_reader_brought_in_would_be_seen(line, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "module.py").write_text(f"def f():\n    {line}\n")
    assert len(xml_readers(tmp_path)) >= 1


SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def attack(prolog: str, inside: str = "", file: str = "") -> bytes:
    header = f"<s:Header><a>{inside}</a></s:Header><s:Body><b/></s:Body>"
    return f'{prolog}<s:Envelope xmlns:s="{SOAP}">{header}</s:Envelope>'.replace("FILE", file).encode()


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(1, 9))
ATTACKS = {
    "a document type": attack("<!DOCTYPE a>"),
    "an internal entity": attack('<!DOCTYPE a [<!ENTITY e "x">]>', "&e;"),
    "an external entity": attack('<!DOCTYPE a [<!ENTITY e SYSTEM "file://FILE">]>', "&e;"),
    "an external entity over the network": attack(
        '<!DOCTYPE a [<!ENTITY e SYSTEM "http://127.0.0.1:9/x">]>', "&e;"
    ),
    "a parameter entity": attack('<!DOCTYPE a [<!ENTITY % e SYSTEM "file://FILE"> %e;]>'),
    "an external document type": attack('<!DOCTYPE a SYSTEM "file://FILE">'),
    "a billion laughs": attack(f'<!DOCTYPE a [<!ENTITY l1 "lol">{LAUGHS}]>', "&l9;"),
    "an entity nobody declared": attack("", "&e;"),
    "a processing instruction": attack('<?xml-stylesheet href="http://127.0.0.1:9/x"?>'),
}


def read_as_document(data: bytes) -> None:
    parse_xml(data)


def read_as_stream(data: bytes) -> None:
    SoapPrefixReader().feed(data)


@pytest.mark.parametrize("read", [read_as_document, read_as_stream])
@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_reaches_beyond_the_document(read, name, tmp_path):
    (tmp_path / "secret").write_text("secret")
    started = time.process_time()
    with pytest.raises(MalformedMessage) as refused:
        read(ATTACKS[name].replace(b"FILE", str(tmp_path / "secret").encode()))
    assert "secret" not in str(refused.value).replace(str(tmp_path), "")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("read", [read_as_document, read_as_stream])
def test_a_document_without_any_of_it_is_read(read):
    read(attack(""))


def test_without_the_handlers_a_stream_has_document_types(monkeypatch):
    monkeypatch.setattr(prefix_reader, "_on_doctype", lambda *_: None)
    read_as_stream(ATTACKS["a document type"])


def test_without_the_look_at_the_prolog_a_document_has_them(monkeypatch):
    """The tree is looked at again: both checks have to go before one passes."""
    monkeypatch.setattr(document, "_check_prolog", lambda _: None)
    monkeypatch.setattr(document, "_check_tree", lambda *_: None)
    read_as_document(ATTACKS["an internal entity"])
