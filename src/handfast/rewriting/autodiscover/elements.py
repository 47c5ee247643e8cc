"""Taking things out of an answer's tree: what no rule knows stays only where no name is found in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handfast.protocols.autodiscover.schemas import OF_ANSWERS
from handfast.protocols.xml.document import XmlElement
from handfast.protocols.xml.tree import attributes_of, has_loose_text, local_name
from handfast.rewriting.autodiscover.name_scan import NameScan

LOAD_BEARING = frozenset(
    {
        "LegacyDN",
        "AutoDiscoverSMTPAddress",
        "EMailAddress",
        "SmtpAddress",
        "OwnerSmtpAddress",
        "RedirectAddr",
        "RedirectUrl",
        "Redirect",
        "RedirectTarget",
    }
)
"""Elements a client can't do without. They are never taken out: a name in one withholds the whole answer."""

_VERSION_FIELDS = frozenset(
    {"ServerVersion", "CasVersion", "ExternalEwsVersion", "InteropExternalEwsVersion", "Version"}
)
_VERSION_RE = re.compile(r"0?(?:8|14|15)(?:\.[0-9]{1,5}){3}")
_MESSAGES = frozenset({"ErrorMessage", "Message", "faultstring"})
"""Words for people, whose elements the schemas demand: they stay, empty."""


def remove(element: XmlElement) -> None:
    """Takes an element out, with what stands behind it."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def text_in(element: XmlElement) -> str:
    """An element's own text, without surrounding white space."""
    return (element.text or "").strip()


def named(parent: XmlElement, name: str) -> list[XmlElement]:
    """The children of that local name, whatever their namespace."""
    return [child for child in parent if local_name(child)[1] == name]


def value_of(parent: XmlElement, name: str) -> str:
    """The text of the first child of that local name, "" without one."""
    return next((text_in(child) for child in named(parent, name)), "")


def texts_of(element: XmlElement) -> Iterator[str]:
    """Every piece of a subtree that a name could stand in, names of elements and attributes included."""
    for each in element.iter():
        yield local_name(each)[1]
        if each.text and not is_version(each):
            yield each.text
        if each.tail:
            yield each.tail
        for key, value in attributes_of(each):
            yield key.rpartition("}")[2]
            yield value


def is_version(element: XmlElement) -> bool:
    """Whether this is the version of an Exchange in a field for versions. 15.1.225.42 is an address as well."""
    if not _VERSION_RE.fullmatch((element.text or "").strip()):
        return False
    name = local_name(element)[1]
    before = element.getprevious()
    if name == "Value" and before is not None:  # of a SOAP setting, whose name stands before it
        name = text_in(before)
    return name in _VERSION_FIELDS


def clean_tree(root: XmlElement, scan: NameScan) -> None:
    """Takes out what carries a name: attributes, elements of unknown namespaces, text among elements, unknown leaves."""
    _clean(root, scan.unclean_of(texts_of(root)))


def _clean(element: XmlElement, unclean: frozenset[str]) -> None:
    _clean_attributes(element, unclean)
    _drop_loose_text(element)
    for child in list(element):
        namespace, name = local_name(child)
        if (namespace and namespace not in OF_ANSWERS) or name in unclean:
            remove(child)
            continue
        _clean(child, unclean)
        if name in LOAD_BEARING or len(child) or child.text not in unclean or is_version(child):
            continue
        if name in _MESSAGES:
            child.text = None
        else:
            remove(child)


def _clean_attributes(element: XmlElement, unclean: frozenset[str]) -> None:
    for key, value in attributes_of(element):
        namespace, _, name = key.rpartition("}")
        if (namespace and namespace[1:] not in OF_ANSWERS) or not unclean.isdisjoint((name, value)):
            del element.attrib[key]


def _drop_loose_text(element: XmlElement) -> None:
    """Text beside elements has no meaning in any of these schemas."""
    if has_loose_text(element):
        element.text = None
        for child in element:
            child.tail = None
