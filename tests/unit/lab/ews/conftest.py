"""A client of the simulated Exchange Web Services, without HTTP between."""

from __future__ import annotations

import pytest
from lxml import etree

from handfast.lab.ews.answers import MESSAGES, TYPES
from handfast.lab.ews.service import ExchangeWebServices
from handfast.lab.mailbox import Mailbox
from handfast.lab.reply import StreamedReply
from handfast.lab.site_names import SiteNames
from handfast.lab.soap import SOAP, read_envelope

SPACES = f'xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"'
PREFIXES = {"s": SOAP, "t": TYPES, "m": MESSAGES}


class Answered:
    """One answer, asked by paths with the usual prefixes."""

    def __init__(self, body: bytes) -> None:
        self.root = etree.fromstring(body)

    def all(self, path):
        return self.root.findall(f".//{path}", PREFIXES)

    def text(self, path):
        return self.root.findtext(f".//{path}", namespaces=PREFIXES)

    def get(self, path, name):
        return self.all(path)[0].get(name)

    @property
    def codes(self):
        return [node.text for node in self.all("m:ResponseCode")]


class Client:
    def __init__(self):
        self.boxes = {}
        self.server = ExchangeWebServices(SiteNames(), self.mailbox, streaming_heartbeat=0.02)

    def mailbox(self, name):
        return self.boxes.setdefault(name, Mailbox(f"{name}@contoso.lab"))

    def deliver(self, subject="Hello", body="text", **options):
        return self.mailbox("alice").deliver(subject, body, sender="Bob <bob@contoso.lab>", **options)

    def reply(self, body, user="CONTOSO\\alice", header=""):
        whole = f"<s:Envelope {SPACES}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        return self.server.answer(user, read_envelope(whole.encode()))

    def ask(self, body, user="CONTOSO\\alice", header=""):
        reply = self.reply(body, user, header)
        assert not isinstance(reply, StreamedReply)
        assert reply.status == 200
        return Answered(reply.body)


@pytest.fixture
def client():
    return Client()
