"""The last look at an answer: every name of a host that is in it, however it is written, and whether it may be there.

A name is taken for a host where something would connect to it (a URL, a UNC path, msstd:, a server's distinguished name),
where it stands behind an @, where it is an address of IPv4 or IPv6, and where it merely looks like one (labels and dots).
A line end is no part of any name, so many texts can be looked at as one. In doubt it is a host: an answer that is withheld costs a call to the help desk, one that leaks can't be called back.

Three things look like hosts and are none: the local part of a mail address, the last part of a recipient's legacy
distinguished name (both often first.last), and the file name of a page. There only a name known to be inside counts, or
one in a domain that exists in private networks alone.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from ipaddress import ip_address

from handfast.rewriting.autodiscover.text_forms import forms_of


class Evidence(Enum):
    """Why something was taken for a host."""

    CONNECTS = "something would connect to it"
    LOOKS = "it looks like one"
    KNOWN = "it is known to be inside"
    UNREADABLE = "its encodings do not end"


@dataclass(frozen=True, slots=True)
class Finding:
    """A name that may not be seen outside. `name` is folded and at most 120 characters long."""

    name: str
    evidence: Evidence


WELL_KNOWN = frozenset({"schemas.microsoft.com", "schemas.xmlsoap.org", "www.w3.org"})
"""Hosts of namespaces: part of the protocol, not of anybody's network."""

# Every expression starts at a boundary and repeats possessively where it could start over: each character costs once. Where
# one begins with letters its boundary stands behind them, for so they are searched as fast as any text.
_AUTHORITY_RE = re.compile(r"(?<![\w/\\.-])[/\\]{2,}([^/\\?#\s\"'<>]*)")
_MSSTD_RE = re.compile(r"msstd(?<!\wmsstd):[ \t]*([^\s,;\"'<>]+)")
_SERVER_DN_RE = re.compile(
    r"cn[ \t]*=[ \t]*servers[ \t]*/[ \t]*cn[ \t]*=[ \t]*([^/,\"<>\n]+)"
    # No "=" in a value: else each "cn=" would be tried with all that follows it.
    r"|cn[ \t]*=[ \t]*+([^/,=\"<>\n]++),[ \t]*cn[ \t]*=[ \t]*servers\b"
)
_DOMAIN_DN_RE = re.compile(r"dc(?<!\wdc)[ \t]*=[ \t]*[\w-]+(?:[ \t]*,[ \t]*dc[ \t]*=[ \t]*[\w-]+)+")
_MAIL_RE = re.compile(r"@\[?([^\s@/\\,:;()<>\"'\]&?]+)")
_TOKEN_RE = re.compile(r"(?<![\w.-])[\w-]++(?:\.[\w-]++)++(?![\w.!#$%&'*+=^`{|}~-]{0,64}@)")
_IPV6_RE = re.compile(r"(?<![\w:.])[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*(?![\w])")
_TWO_COLONS_RE = re.compile(r":[0-9a-f]*+:")
"""Every address of IPv6 has them. Hardly any text does, and to search for two colons is cheap."""
_RECIPIENT_RE = re.compile(r"/cn=recipients/cn=[^\s/\\:;,@\"<>]*")
_LOCAL_PART_RE = re.compile(r"(?<![^\s@/\\:;,<>()\"'=?&])[^\s@/\\:;,<>()\"'=?&]++(?=@)")
_WORD_RE = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]++)++")
_PAGE_EXTENSIONS = frozenset(
    {"asmx", "aspx", "svc", "xml", "dll", "slab", "eas", "owa", "json", "htm", "html", "js"}
)
_PRIVATE_DOMAINS = (
    "local",
    "lan",
    "corp",
    "internal",
    "intranet",
    "private",
    "home",
    "localdomain",
    "localhost",
)
_PRIVATE_RE = re.compile(rf"\.(?:{'|'.join(_PRIVATE_DOMAINS)})(?![\w-])")
_MAX_NAME_CHARACTERS = 120


@dataclass(frozen=True)
class NameScan:
    """What may be seen: `hosts` anywhere, `mail_domains` where nothing connects to them. `inside` never, in no form."""

    hosts: frozenset[str]
    mail_domains: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()

    def knowing(self, inside: Iterable[str]) -> NameScan:
        """The same scan with more names known to be inside. What may be seen stays so."""
        more = frozenset(inside) - self.hosts - self.mail_domains
        return NameScan(self.hosts, self.mail_domains, self.inside | more)

    def first(self, text: str) -> Finding | None:
        """The first name in `text` that may not be seen, None where there is none."""
        return next(self.findings(text), None)

    def findings(self, text: str) -> Iterator[Finding]:
        """Every name that may not be seen. Work grows with the text alone."""
        try:
            for form in forms_of(text):
                yield from self._in_form(form)
        except ValueError:
            yield Finding(text[:_MAX_NAME_CHARACTERS].lower(), Evidence.UNREADABLE)

    def connecting(self, text: str) -> Iterator[str]:
        """The names among the findings that something would connect to, and no others looked for."""
        with contextlib.suppress(ValueError):
            for form in forms_of(text):
                yield from self._connecting_in(form)

    def unclean_of(self, texts: Iterable[str]) -> frozenset[str]:
        """Those of `texts` with a name that may not be seen. Mostly there are none, which one look at all of them shows."""
        every = list(dict.fromkeys(texts))
        if self.first("\n".join(every)) is None:
            return frozenset()
        if len(every) == 1:
            return frozenset(every)
        half = len(every) // 2
        return self.unclean_of(every[:half]) | self.unclean_of(every[half:])

    def _in_form(self, text: str) -> Iterator[Finding]:
        for name in self._connecting_in(text):
            yield Finding(name, Evidence.CONNECTS)
        for name in _named(text):
            if not self._may_stand(name):
                yield _finding(name, Evidence.LOOKS)
        yield from self._known(text)

    def _connecting_in(self, text: str) -> Iterator[str]:
        return (
            _bare(name)[:_MAX_NAME_CHARACTERS] for name in _connected(text) if not self._may_connect(name)
        )

    def _may_connect(self, authority: str) -> bool:
        """Whether a client may be told to go there: a published host, no user before it, the one port of HTTPS."""
        host, port = _bare(authority), authority.partition(":")[2]
        return "@" not in authority and port in ("", "443") and (host in self.hosts or host in WELL_KNOWN)

    def _may_stand(self, name: str) -> bool:
        name = name.rstrip(".")
        return name in self.hosts or name in self.mail_domains or name in WELL_KNOWN

    def _known(self, text: str) -> Iterator[Finding]:
        """Names known to be inside, and those that look like hosts where most such names are none."""
        if self._inside_re is not None and any(name in text for name in self.inside):
            for match in self._inside_re.finditer(text):
                if not self._may_stand(match[0]):
                    yield _finding(match[0], Evidence.KNOWN)
        for pattern in (_RECIPIENT_RE, _LOCAL_PART_RE) if _PRIVATE_RE.search(text) else ():
            for match in pattern.finditer(text):
                yield from (_finding(w, Evidence.LOOKS) for w in _WORD_RE.findall(match[0]) if _is_private(w))

    @cached_property
    def _inside_re(self) -> re.Pattern[str] | None:
        """Each inside name as a whole word. One with dots also as the end of a longer one; one without only where no
        dot is beside it: "mail" must not be found in "mail.example.org".
        """
        dotted = "|".join(re.escape(name) for name in sorted(self.inside) if "." in name)
        plain = "|".join(re.escape(name) for name in sorted(self.inside) if "." not in name)
        forms = []
        if dotted:
            forms.append(rf"(?<![\w.-])(?:[\w-]+\.)*(?:{dotted})(?![\w-]|\.\w)")
        if plain:
            forms.append(rf"(?<![\w.-])(?:{plain})(?![\w-]|\.\w)")
        return re.compile("|".join(forms)) if forms else None


def _connected(text: str) -> Iterator[str]:
    """What something would connect to, as it stands there."""
    for match in _AUTHORITY_RE.finditer(text):
        yield match[1]
    for match in _MSSTD_RE.finditer(text):
        yield match[1]
    for match in _SERVER_DN_RE.finditer(text):
        server = (match[1] or match[2]).strip()
        if "@" not in server:  # guid@domain names a mailbox; what stands behind its @ is looked at as such
            yield server


def _named(text: str) -> Iterator[str]:
    """What looks like a host, an address or a domain."""
    for match in _MAIL_RE.finditer(text):
        yield match[1].rstrip(".:")
    for match in _DOMAIN_DN_RE.finditer(text):
        yield ".".join(part.partition("=")[2].strip() for part in match[0].split(","))
    rest = _RECIPIENT_RE.sub("", text)
    for match in _TOKEN_RE.finditer(rest):
        if _is_host_like(match[0], in_path=rest[max(0, match.start() - 1) : match.start()] in ("", "/")):
            yield match[0]
    for match in _IPV6_RE.finditer(text) if _TWO_COLONS_RE.search(text) else ():
        if any(c.isalnum() for c in match[0]) and _is_address(match[0].rstrip(".")):
            yield match[0]


def _is_host_like(token: str, *, in_path: bool) -> bool:
    labels = token.split(".")
    last = labels[-1]
    if last.isdigit():
        return _is_address(token)
    if in_path and len(labels) == 2 and last in _PAGE_EXTENSIONS:
        return False
    return len(last) > 1 and not last.startswith("-")


def _is_address(token: str) -> bool:
    try:
        ip_address(token)
    except ValueError:
        return False
    return True


def _is_private(word: str) -> bool:
    return word.rpartition(".")[2] in _PRIVATE_DOMAINS


def _bare(authority: str) -> str:
    """The host of an authority: without user, port and trailing dot."""
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")


def _finding(name: str, evidence: Evidence) -> Finding:
    return Finding(name[:_MAX_NAME_CHARACTERS], evidence)
