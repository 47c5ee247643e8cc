"""An Autodiscover answer on its way out: read, rewritten, looked at once more, or withheld."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from handfast.protocols.autodiscover import schemas
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.xml.document import XmlElement, parse_xml, serialise_xml
from handfast.protocols.xml.tree import local_name
from handfast.rewriting.answers import InspectedRequest, WholeAnswer, Withheld
from handfast.rewriting.autodiscover.document_scan import leak_in
from handfast.rewriting.autodiscover.elements import clean_tree, named, texts_of
from handfast.rewriting.autodiscover.name_scan import NameScan
from handfast.rewriting.autodiscover.pox_mobilesync import rewrite_mobilesync
from handfast.rewriting.autodiscover.pox_outlook import rewrite_outlook
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.requested import Subjects, parse_request, subjects_of
from handfast.rewriting.autodiscover.soap_settings import rewrite_soap

MAX_BYTES: Final = 1024 * 1024
"""Exchange answers 4 to 40 KiB; a long list of further mailboxes may take more."""

XML_TYPE: Final = b"text/xml; charset=utf-8"
_XML_TYPES = frozenset({b"text/xml", b"application/xml"})
_PRINTABLE_RE = re.compile(r"[!-~]+")
_PATH_RE = re.compile(r"/(?![/\\])")
_REDIRECTS = frozenset({301, 302, 307, 308})
_SERVER_FIELDS = frozenset({"AD", "Server", "PublicFolderServer", "ActiveDirectoryServer", "Hostname"})
_MESSAGES = frozenset({"GetUserSettingsResponseMessage", "GetDomainSettingsResponseMessage"})


@dataclass(frozen=True, slots=True)
class AutodiscoverRewriter:
    """Answers of `/autodiscover/autodiscover.xml` and `.svc`. An `AnswerRewriter`."""

    names: PublishedNames
    max_bytes: int = MAX_BYTES

    def rewrite(self, request: InspectedRequest, answer: WholeAnswer) -> WholeAnswer | Withheld:
        """What may leave: a document of published names, a redirect to one, or a bare status."""
        if answer.status in _REDIRECTS:
            return self._redirect(answer)
        is_fault = answer.status == 500 and answer.content_type.lower().startswith(b"text/xml")
        if request.method == b"HEAD" or (answer.status != 200 and not is_fault):
            return _bare(answer)
        try:
            return self._document(request, answer)
        except MalformedMessage as fault:
            return Withheld(str(fault)) if answer.status == 200 else _bare(answer)

    def _redirect(self, answer: WholeAnswer) -> WholeAnswer | Withheld:
        """A redirect leads to a published host, or nowhere. A path alone stays where the client is."""
        location = (answer.location or b"").decode("latin-1").strip()
        url = location if _PATH_RE.match(location) else self.names.published_url(location)
        finding = self._scan().first(url or "")
        if url is None or finding or not _PRINTABLE_RE.fullmatch(url):
            return Withheld(f"a redirect to {location[:120]!a}, which is not published", location[:120])
        return WholeAnswer(answer.status, b"", b"", url.encode("ascii"))

    def _document(self, request: InspectedRequest, answer: WholeAnswer) -> WholeAnswer | Withheld:
        if answer.content_type.partition(b";")[0].strip().lower() not in _XML_TYPES:
            raise MalformedMessage("autodiscover", "Content-Type", "not XML")
        root = parse_xml(answer.body, content_type=answer.content_type)
        subjects = _subjects(request)
        names = replace(self.names, mail_domains=self.names.mail_domains | subjects.domains)
        scan = self._scan(names).knowing(inside_names(root, names))
        _rewrite_root(root, names, scan, next(iter(subjects.addresses), ""))
        document = _serialise(root)
        leak = leak_in(document, scan)
        if leak is not None:
            return Withheld(f"{leak.name!a} is left in the answer: {leak.evidence.value}", leak.name)
        return WholeAnswer(answer.status, XML_TYPE, document)

    def _scan(self, names: PublishedNames | None = None) -> NameScan:
        names = names or self.names
        return NameScan(names.hosts, names.mail_domains, names.inside)


def _bare(answer: WholeAnswer) -> WholeAnswer:
    """A status says what a client needs; the page beside it is the server's own and names it."""
    return WholeAnswer(answer.status, b"", b"")


def _subjects(request: InspectedRequest) -> Subjects:
    """Whom the client asked about: what it said itself is no secret to it."""
    try:
        return subjects_of(parse_request(request))
    except MalformedMessage:
        return Subjects((), frozenset())


def _rewrite_root(root: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    """Changes the tree in place. Raises: MalformedMessage for a document that is no Autodiscover answer."""
    match local_name(root):
        case (schemas.ENVELOPE, "Autodiscover"):
            _rewrite_pox(root, names, scan, address)
        case (schemas.SOAP_11, "Envelope"):
            _rewrite_envelope(root, names, scan, address)
        case _:
            raise MalformedMessage("autodiscover", "answer", "neither POX nor SOAP", "MS-OXDSCLI 2.2.4")
    clean_tree(root, scan)


def _rewrite_pox(root: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    for debug in [element for element in root.iter() if local_name(element)[1] == "DebugData"]:
        debug.clear()
    for response in root:
        match local_name(response):
            case (schemas.OUTLOOK_RESPONSE, "Response"):
                rewrite_outlook(response, names, scan, address)
            case (schemas.MOBILESYNC_RESPONSE, "Response"):
                rewrite_mobilesync(response, names, scan, address)
            case (schemas.ENVELOPE, "Response"):  # an error of the service itself has no schema of its own
                pass
            case _:
                raise MalformedMessage("autodiscover", "Response", "of no known schema", "MS-OXDSCLI 2.2.4")


def _rewrite_envelope(root: XmlElement, names: PublishedNames, scan: NameScan, address: str) -> None:
    for body in named(root, "Body"):
        for message in body:
            namespace, name = local_name(message)
            is_answer = namespace == schemas.AUTODISCOVER and name in _MESSAGES
            if not is_answer and (namespace, name) != (schemas.SOAP_11, "Fault"):
                raise MalformedMessage("autodiscover", "Body", "no known answer", "MS-OXWSADISC 3.1.4")
        rewrite_soap(body, names, scan, address)


def _serialise(root: XmlElement) -> bytes:
    """The document without the namespaces nobody uses. In SOAP known ones stay: a fault's code names one in its text."""
    kept: set[str] = set()
    if local_name(root)[0] == schemas.SOAP_11:
        kept = {p for e in root.iter() for p, uri in e.nsmap.items() if p and uri in schemas.OF_ANSWERS}
    etree.cleanup_namespaces(root, keep_ns_prefixes=sorted(kept))
    etree.indent(root)
    return serialise_xml(root)


def inside_names(root: XmlElement, names: PublishedNames) -> frozenset[str]:
    """The inside names an answer itself betrays: whatever a client would connect to by it, and its servers' fields.

    They may then stand nowhere in it, also where a name as such would be harmless.
    """
    scan = NameScan(names.hosts, names.mail_domains)
    servers = [e.text for e in root.iter() if e.text and local_name(e)[1] in _SERVER_FIELDS]
    found = {finding.name for finding in scan.findings("\n".join(dict.fromkeys(servers)))}
    found.update(scan.connecting("\n".join(dict.fromkeys(texts_of(root)))))
    return frozenset(name for name in found if "." in name)
