"""A gateway that answers from a script, and the place it stands at."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from handfast.doctor.publishing.questions import Login
from handfast.doctor.publishing.steps import Place
from handfast.doctor.publishing.visit import Seen
from handfast.keys.certificates import host_names, sign_ca, sign_leaf
from tests.fakes.doctor_world import NOW

HOST, FINDER = "mail.example.com", "autodiscover.example.com"
LOGIN = Login("alice", "secret", "alice@example.com")
KEY = ec.generate_private_key(ec.SECP256R1())
CA = sign_ca("CA", KEY, now=NOW, days=90)
CHALLENGE = Seen(401, {"www-authenticate": 'Basic realm="x", NTLM'})
REFUSED = Seen(404)
MOBILE = b"<Url>https://mail.example.com/Microsoft-Server-ActiveSync</Url>"
OUTLOOK = b'<a xmlns="http://schemas.microsoft.com/x"><EwsUrl>https://mail.example.com/EWS</EwsUrl></a>'


def issue(*hosts, days=30, begins=NOW):
    """A server's certificate."""
    names = x509.SubjectAlternativeName(host_names(hosts))
    usage, at = ExtendedKeyUsageOID.SERVER_AUTH, begins - timedelta(hours=1)
    return sign_leaf(hosts[0], KEY, names, usage, CA, KEY, now=at, days=days)


OWN = issue(HOST, FINDER)


def place(**changes):
    """An Exchange at its outside listener."""
    values = {
        "publication": "mail",
        "listener": "outside",
        "hosts": (HOST, FINDER),
        "is_exchange": True,
        "finder": FINDER,
        "activesync": HOST,
        "ews": HOST,
        "mapi": HOST,
        "told": frozenset({HOST, FINDER}),
    }
    return Place(**{**values, **changes})


def shown(certificate=OWN, **seen):
    """An answer over TLS with that certificate."""
    return Seen(**{"status": 401, "certificate": certificate.public_bytes(Encoding.DER), **seen})


class Gateway:
    """Answers as a well one does; `answers` replaces some, by (path without query, signed in)."""

    def __init__(self, answers=None):
        self.asked = []
        self.answers = {
            ("/Microsoft-Server-ActiveSync", False): shown(headers=CHALLENGE.headers),
            ("/autodiscover/autodiscover.xml", False): CHALLENGE,
            ("/EWS/Exchange.asmx", False): CHALLENGE,
            ("/mapi/emsmdb/", False): CHALLENGE,
            ("/autodiscover/autodiscover.json", False): Seen(
                200, {}, b'{"Url": "https://mail.example.com/x"}'
            ),
            ("/Microsoft-Server-ActiveSync", True): Seen(200, {"ms-asprotocolversions": "2.5,14.1,16.1"}),
            ("/autodiscover/autodiscover.xml", True): Seen(200, {}, OUTLOOK),
            ("/EWS/Exchange.asmx", True): Seen(200, {}, b"<m:GetFolderResponse/>"),
            **(answers or {}),
        }

    def ask(self, asked):
        self.asked.append(asked)
        return self.answers.get((asked.path.partition("?")[0], asked.is_secret), REFUSED)


def finding(step):
    """Its id without "client-", or None; what it says names the place."""
    if step.finding is None:
        return None
    assert step.finding.what.startswith("publication mail at listener outside")
    assert step.finding.remedy
    return str(step.finding.id).removeprefix("client-")
