"""The last look at the bytes that would leave: read anew, as a client reads them, and searched whole."""

from __future__ import annotations

import re

from handfast.protocols.autodiscover.schemas import OF_ANSWERS
from handfast.protocols.xml.document import parse_xml
from handfast.rewriting.autodiscover.elements import texts_of
from handfast.rewriting.autodiscover.name_scan import Evidence, Finding, NameScan

_NAMESPACE_RE = re.compile(rb"""xmlns(?::[^\s=]*)?\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def leak_in(document: bytes, scan: NameScan) -> Finding | None:
    """The first name in the document that may not be seen outside, None where there is none.

    Namespaces are compared as a whole: one that no answer has a use for is a leak, whatever it says.

    Raises: MalformedMessage where it can't be read.
    """
    root = parse_xml(document)
    for declared in set(_NAMESPACE_RE.findall(document)):
        uri = (declared[0] or declared[1]).decode("utf-8", "replace")
        if uri not in OF_ANSWERS:
            return Finding(uri[:120], Evidence.UNREADABLE)
    return scan.first("\n".join(dict.fromkeys(texts_of(root))))
