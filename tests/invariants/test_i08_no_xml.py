"""I8: XML with no DOCTYPE, no entities, no network. Today nothing of the product reads XML at all: no parser is imported, so
there is none to deceive. Whoever brings one in has to come here first, and bring its own attacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "handfast"
READERS = {
    "xml",
    "lxml",
    "defusedxml",
    "xmltodict",
    "bs4",
    "html5lib",
    "xmlrpc",
    "pyexpat",
    "elementtree",
    "zeep",
    "saxutils",
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "import_module",
            "__import__",
        ):
            yield from (
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )


def xml_readers(root: Path) -> set[str]:
    return {
        f"{path.relative_to(root)}: {name}"
        for path in root.rglob("*.py")
        for name in imported(ast.parse(path.read_text()))
        if name.partition(".")[0] in READERS
    }


def test_no_xml_reader_is_imported():
    assert len(list(SOURCE.rglob("*.py"))) > 100
    assert xml_readers(SOURCE) == set()


@pytest.mark.parametrize(
    "line",
    [
        "import xml.etree.ElementTree as ET",
        "from lxml import etree",
        "from xml.sax import parse",
        "import importlib; importlib.import_module('xml.dom.minidom')",
    ],
)
def test_a_reader_brought_in_would_be_seen(line, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "module.py").write_text(f"def f():\n    {line}\n")
    assert len(xml_readers(tmp_path)) == 1
