"""Sessions by cookie, and answers that begin early."""

import struct

import pytest

from handfast.lab.http_message import Headers
from handfast.lab.mailbox import Mailbox
from handfast.lab.mapi import CONTEXT_COOKIE, MapiHttp
from handfast.lab.reply import StreamedReply
from handfast.lab.site_names import SiteNames


class Client:
    def __init__(self, **options):
        self.boxes = {}
        self.server = MapiHttp(SiteNames(), self.mailbox, **options)
        self.cookie = ""

    def mailbox(self, name):
        return self.boxes.setdefault(name, Mailbox(f"{name}@contoso.lab"))

    def ask(self, kind, user="CONTOSO\\alice", **fields):
        sent = {
            "X-RequestType": kind,
            "X-RequestId": "{1}:1",
            "X-ClientInfo": "me",
            "Cookie": self.cookie,
            **fields,
        }
        reply = self.server.answer(
            user, Headers(tuple((name, value) for name, value in sent.items() if value))
        )
        for value in Headers(reply.headers).all("Set-Cookie"):
            if value.startswith(CONTEXT_COOKIE):
                self.cookie = value.partition(";")[0]
        return reply


async def pieces(reply):
    assert isinstance(reply, StreamedReply)
    return [piece async for piece in reply.chunks]


def code(reply):
    return Headers(reply.headers).get("X-ResponseCode")


async def test_connect_ping_and_disconnect():
    client = Client()
    reply = client.ask("Connect")
    first, done = await pieces(reply)
    assert first == b"PROCESSING\r\n"
    head, _, body = done.partition(b"\r\n\r\n")
    assert head.startswith(b"DONE\r\nX-ElapsedTime: ")
    assert struct.unpack_from("<II", body) == (0, 0)
    assert "Alice\0".encode("utf-16-le") in body
    headers = Headers(reply.headers)
    assert (headers.get("X-RequestId"), headers.get("X-ClientInfo"), code(reply)) == ("{1}:1", "me", "0")
    assert (await pieces(client.ask("PING")))[1].endswith(b"\r\n\r\n")
    assert code(client.ask("Disconnect")) == "0"
    assert code(client.ask("Disconnect")) == "10"


async def test_a_session_is_its_users_own():
    client = Client()
    client.ask("Connect")
    assert code(client.ask("NotificationWait", user="bob")) == "10"
    assert code(client.ask("NotificationWait", Cookie="other=1")) == "10"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"X-RequestId": ""}, "7"), ({"X-RequestType": ""}, "7"), ({"X-RequestType": "Execute"}, "5")],
)
async def test_refusals_are_told_in_a_header(fields, expected):
    client = Client()
    client.ask("Connect")
    reply = client.ask("PING", **fields)
    assert (reply.status, code(reply)) == (200, expected)


async def test_waiting_says_pending_until_mail_comes():
    client = Client(pending_period=0.01, wait_limit=5)
    client.ask("Connect")
    reply = client.ask("NotificationWait")
    got = []
    async for piece in reply.chunks:
        got.append(piece)
        if len(got) == 3:
            client.mailbox("alice").deliver("news", "", sender="x")
    assert got[:3] == [b"PROCESSING\r\n", b"PENDING\r\n", b"PENDING\r\n"]
    assert got[-1].endswith(struct.pack("<IIII", 0, 0, 1, 0))


async def test_waiting_ends_without_news():
    client = Client(pending_period=0.01, wait_limit=0.03)
    client.ask("Connect")
    got = await pieces(client.ask("NotificationWait"))
    assert b"PENDING\r\n" in got
    assert got[-1].endswith(struct.pack("<IIII", 0, 0, 0, 0))
