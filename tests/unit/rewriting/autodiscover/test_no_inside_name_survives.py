"""The promise of the whole folder: whatever a server answers, no name of the inside leaves, in no form and at no place."""

from __future__ import annotations

import base64
import html
import os
import re
import unicodedata
from copy import deepcopy
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from handfast.rewriting.answers import InspectedRequest, WholeAnswer, Withheld
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.rewriter import AutodiscoverRewriter

GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "autodiscover" / "before"
SAMPLES = [path.read_bytes() for path in sorted(GOLDEN.glob("*.xml"))]
THREE = [
    (GOLDEN / f"{name}.xml").read_bytes() for name in ("mobilesync", "outlook-2016", "soap-redirect-url")
]
EXAMPLES = int(os.environ.get("HANDFAST_FUZZ_EXAMPLES", "200"))
KNOWN_SUFFIX = "hidden.example"
NAMES = PublishedNames(
    autodiscover="autodiscover.lab.test",
    activesync="mail.lab.test",
    ews="mail.lab.test",
    oab="mail.lab.test",
    mapi="mail.lab.test",
    owa="mail.lab.test",
    ecp="mail.lab.test",
    mail_domains=frozenset({"lab.test"}),
    mapping={"ex01.corp.lab.internal": "mail.lab.test", "ex02.corp.lab.internal": "autodiscover.lab.test"},
    inside_names=frozenset({KNOWN_SUFFIX, "EXSRV77"}),
)
REWRITER = AutodiscoverRewriter(NAMES)
REQUEST = InspectedRequest(b"POST", "/autodiscover/autodiscover.xml", "", b"text/xml", b"", b"")
GUID = "7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
WIDE = {ord(c): ord(c) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyz0123456789."}

label = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
known_names = st.builds(lambda host: f"{host}.{KNOWN_SUFFIX}", label) | st.builds(
    lambda host: f"{host}.ad.lab.internal", label
)
unknown_names = st.builds(
    lambda a, b, tld: f"{a}.{b}.{tld}", label, label, st.sampled_from(["net", "de", "museum"])
)
addresses = st.sampled_from(["10.7.7.7", "192.168.44.5", "172.16.0.9", "[fd00:7::77]"])

MARKERS = {
    "plain": lambda n: n,
    "upper": str.upper,
    "mixed": str.title,
    "trailing dot": lambda n: n + ".",
    "url": lambda n: f"https://{n}/EWS/Exchange.asmx",
    "url with port": lambda n: f"https://{n}:444/EWS/Exchange.asmx",
    "url with user": lambda n: f"https://mail.lab.test@{n}/owa/",
    "user of a url": lambda n: f"https://{n}@mail.lab.test/owa/",
    "in a query": lambda n: f"https://mail.lab.test/owa/?server={n}",
    "in a fragment": lambda n: f"https://mail.lab.test/owa/#{n}",
    "in a path": lambda n: f"https://mail.lab.test/owa/{n}/x",
    "without scheme": lambda n: f"//{n}/owa",
    "unc": lambda n: f"\\\\{n}\\share",
    "backslashes": lambda n: f"https:\\\\{n}\\owa",
    "mailbox": lambda n: f"{GUID}@{n}",
    "server dn": lambda n: f"/o=Lab/ou=Exchange/cn=Configuration/cn=Servers/cn={n}",
    "ldap dn": lambda n: f"CN={n},CN=Servers,CN=Exchange",
    "domain dn": lambda n: "CN=x," + ",".join(f"DC={part}" for part in n.split(".")),
    "msstd": lambda n: f"msstd:{n}",
    "percent": lambda n: "".join(f"%{ord(c):02X}" for c in n),
    "percent twice": lambda n: "".join(f"%25{ord(c):02x}" for c in n),
    "percent dots": lambda n: n.replace(".", "%2E"),
    "references": lambda n: "".join(f"&#x{ord(c):x};" for c in n),
    "references twice": lambda n: "".join(f"&amp;#{ord(c)};" for c in n),
    "json escapes": lambda n: "".join(f"\\u{ord(c):04x}" for c in n),
    "full width": lambda n: n.translate(WIDE),
    "ideographic dots": lambda n: n.replace(".", "\u3002"),
    "invisible": lambda n: n.replace(".", ".\u200b").replace("a", "a\u00ad"),
    "base64": lambda n: base64.b64encode(f"https://{n}/".encode()).decode(),
    "base64 of utf-16": lambda n: base64.b64encode(f"host={n}".encode("utf-16-le")).decode(),
    "among words": lambda n: f"The server {n} answered; call {n}, please",
    "in a port list": lambda n: f"a={n}:6001;b={n}:6002",
}


def is_seen(name: str, body: bytes, hidden: str) -> bool:
    """An own search, by other means than the product's: everything decoded, everything but letters and digits dropped."""
    text = re.sub("[\u00ad\u200b]", "", body.decode("utf-8"))
    for _ in range(4):
        text = unquote(html.unescape(re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)))
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u3002", ".")
    domain = ",".join(f"dc={part}" for part in name.split("."))
    encoded = hidden if re.fullmatch("[A-Za-z0-9+/=]{16,}", hidden) else "\0"
    return name.strip("[]") in text or domain in text or encoded in body.decode("utf-8")


def hide_in_leaf(root, draw, hidden):
    leaves = [e for e in root.iter() if not len(e)]
    draw(st.sampled_from(leaves)).text = hidden


def hide_behind_text(root, draw, hidden):
    leaves = [e for e in root.iter() if not len(e) and e.text and e.text.strip()]
    leaf = draw(st.sampled_from(leaves))
    leaf.text = f"{leaf.text} {hidden}"


def hide_in_attribute(root, draw, hidden):
    element = draw(st.sampled_from(list(root.iter())))
    known = list(element.attrib)
    element.set(draw(st.sampled_from([*known, "Hint", "{urn:x}Hint"])), hidden)


def hide_in_new_element(root, draw, hidden):
    parent = draw(st.sampled_from(list(root.iter())))
    namespace = etree.QName(parent).namespace
    name = draw(
        st.sampled_from(["Unknown", "Server", "ServerDN", "EwsUrl", "RedirectUrl", "Value", "OWAUrl", "Url"])
    )
    new = etree.SubElement(parent, etree.QName(draw(st.sampled_from([namespace, "urn:other"])), name))
    new.text = hidden


def hide_in_tail(root, draw, hidden):
    element = draw(st.sampled_from([e for e in root.iter() if e is not root]))
    element.tail = f" {hidden} "


def hide_in_comment(root, draw, hidden):
    element = draw(st.sampled_from(list(root.iter())))
    element.insert(0, etree.Comment(hidden.replace("--", "-")))


def hide_in_namespace(root, draw, hidden):
    parent = draw(st.sampled_from(list(root.iter())))
    uri = f"http://{re.sub(r'[^A-Za-z0-9.-]', '', hidden)}/ns"
    etree.SubElement(parent, etree.QName(uri, "Extra"), nsmap={"q": uri}).text = "q:x"


def hide_in_setting(root, draw, hidden):
    """A SOAP setting nobody knows, or one that everybody does."""
    lists = [e for e in root.iter() if etree.QName(e).localname in ("UserSettings", "DomainSettings")]
    if not lists:
        return hide_in_new_element(root, draw, hidden)
    names = [
        "FutureSetting",
        "InternalFuture",
        "UserDN",
        "UserDisplayName",
        "ExternalEwsUrl",
        "CasVersion",
        "MailboxDN",
    ]
    namespace = etree.QName(lists[0]).namespace
    setting = etree.SubElement(lists[0], etree.QName(namespace, "UserSetting"))
    etree.SubElement(setting, etree.QName(namespace, "Name")).text = draw(st.sampled_from([*names, hidden]))
    etree.SubElement(setting, etree.QName(namespace, "Value")).text = hidden
    return None


PLACES = {
    f.__name__: f
    for f in (
        hide_in_leaf,
        hide_behind_text,
        hide_in_attribute,
        hide_in_new_element,
        hide_in_tail,
        hide_in_comment,
        hide_in_namespace,
        hide_in_setting,
    )
}


@st.composite
def poisoned(draw, names):
    """A realistic answer with an inside name hidden somewhere, and the name."""
    root = deepcopy(etree.fromstring(draw(st.sampled_from(SAMPLES))))
    name = draw(names)
    marker = draw(st.sampled_from(sorted(MARKERS)))
    hidden = MARKERS[marker](name)
    placeholder = "HANDFASTPLACEHOLDER"
    is_reference = marker.startswith("references")
    place = PLACES[draw(st.sampled_from(sorted(PLACES)))]
    place(root, draw, placeholder if is_reference and place is not hide_in_namespace else hidden)
    body = etree.tostring(root, encoding=draw(st.sampled_from(["utf-8", "utf-16"])))
    if is_reference and b"utf-16" not in body[:80].replace(b"\0", b"").lower():
        body = body.replace(placeholder.encode(), hidden.encode())
    return body, name, hidden


def check(body, name, hidden):
    answer = REWRITER.rewrite(REQUEST, WholeAnswer(200, b"text/xml", body))
    if isinstance(answer, WholeAnswer):
        assert not is_seen(name, answer.body, hidden), answer.body.decode()
        assert not is_seen("corp.lab.internal", answer.body, ""), answer.body.decode()
    else:
        assert isinstance(answer, Withheld)
        assert answer.detail


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(poisoned(known_names))
def test_a_name_known_to_be_inside_never_leaves(case):
    check(*case)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(poisoned(unknown_names | addresses))
def test_a_host_nobody_told_of_never_leaves(case):
    _, name, hidden = case
    if hidden.startswith(name) and "@" in hidden:  # a local part is no host unless it is known
        return
    check(*case)


@pytest.mark.parametrize("place", sorted(PLACES))
@pytest.mark.parametrize("marker", sorted(MARKERS))
def test_every_form_at_every_place(place, marker):
    """Each pair once, so that none depends on luck."""

    hidden = MARKERS[marker](f"srv1.{KNOWN_SUFFIX}")
    for sample in THREE:
        for pick in (0, -1):
            root = etree.fromstring(sample)
            PLACES[place](root, lambda strategy, pick=pick: options(strategy)[pick], hidden)
            check(etree.tostring(root), f"srv1.{KNOWN_SUFFIX}", hidden)


def options(strategy):
    """The elements of a `sampled_from`."""
    return list(
        strategy.wrapped_strategy.elements if hasattr(strategy, "wrapped_strategy") else strategy.elements
    )


@pytest.mark.parametrize("text", ["EXSRV77", "\\\\EXSRV77\\x", "on exsrv77.", "(ExSrv77)"])
def test_a_netbios_name_that_is_listed_never_leaves(text):
    for sample in SAMPLES:
        root = etree.fromstring(sample)
        for leaf in [e for e in root.iter() if not len(e)]:
            leaf.text = text
        answer = REWRITER.rewrite(REQUEST, WholeAnswer(200, b"text/xml", etree.tostring(root)))
        assert isinstance(answer, Withheld) or b"exsrv77" not in answer.body.lower()


def test_this_search_sees_what_is_there():
    for marker, hide in MARKERS.items():
        hidden = hide("srv1.hidden.example")
        if not marker.startswith("references"):
            assert is_seen("srv1.hidden.example", f"<a>{hidden}</a>".encode(), hidden), marker
