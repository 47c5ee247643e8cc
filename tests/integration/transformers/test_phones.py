"""Phones that are refused are told in their own protocol, a wipe is on record before it is told, and what a phone says of
itself is learned while its request passes untouched."""

from __future__ import annotations

import asyncio
import gc

import pytest

from handfast.decision.outcome import Decision, Outcome, WipeOrder
from handfast.decision.ports import WipeProgress
from handfast.decision.reasons import Reason
from handfast.decision.reported import FACTS_EVENT
from handfast.gateway.exchange import Exchange
from handfast.identity.policies import DevicePolicy
from handfast.identity.records import WipeKind
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import decode, encode
from tests.fakes.gateway_peers import DEVICE, Gateway, RawBackend, request_bytes, until

VERSION = "MS-ASProtocolVersion: 14.1\r\n"
WBXML = "Content-Type: application/vnd.ms-sync.wbxml\r\n"


def target(command: str) -> str:
    return f"/Microsoft-Server-ActiveSync?Cmd={command}&User=alice&{DEVICE}"


def deny(reason: Reason, wipe: WipeOrder | None = None, telling: bytes = b""):
    return lambda _: Decision(Outcome.DENY, reason, login="alice", wipe=wipe, telling=telling)


def provision(*children: Element) -> bytes:
    return encode(Element("Provision", "Provision", children=children))


async def refused(gateway: Gateway, command: str, body: bytes = b"", extra: str = VERSION + WBXML):
    client = await gateway.client()
    return await client.ask(target=target(command), body=body, extra=extra)


async def test_a_blocked_phone_is_told_by_its_status_and_recorded_by_its_reason():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_BLOCKED)
        answer = await refused(gateway, "FolderSync")
        assert answer.status == 200
        assert decode(answer.body).text_at("Status") == "129"
        assert backend.heads == []
        record = gateway.identity.records[0]
        assert (record.reason, record.outcome) == (Reason.DEVICE_BLOCKED, Outcome.DENY)


async def test_an_old_phone_is_told_by_http():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_BLOCKED)
        assert (await refused(gateway, "FolderSync", extra="MS-ASProtocolVersion: 12.1\r\n")).status == 403


async def test_a_wrong_password_is_401_whatever_the_version():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.CREDENTIAL_WRONG)
        assert (await refused(gateway, "Sync")).status == 401


ORDER = WipeOrder(WipeKind.DEVICE, b"sealed")


async def test_a_wipe_is_on_record_before_the_phone_hears_of_it():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_WIPE_PENDING, ORDER)
        answer = await refused(gateway, "Provision", provision())
        assert answer.status == 200
        assert decode(answer.body).first("RemoteWipe") is not None
        report = gateway.identity.wipe_reports[0]
        assert (report.note, report.progress) == (b"sealed", WipeProgress.SENT)
        assert backend.heads == []


async def test_what_identity_could_not_store_is_not_said():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_WIPE_PENDING, ORDER)
        await refused(gateway, "FolderSync")
        gateway.identity.is_available = False
        assert (await refused(gateway, "Provision", provision())).status == 503


async def test_a_wipe_that_identity_forgot_is_a_block():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_WIPE_PENDING, ORDER)
        gateway.identity.is_wipe_known = False
        assert (await refused(gateway, "Provision", provision())).status == 403
        assert gateway.identity.records[0].reason is Reason.DEVICE_BLOCKED


async def test_a_body_that_decides_is_waited_for_and_a_long_one_is_not():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_WIPE_PENDING, ORDER)
        body = provision()
        data = request_bytes(target=target("Provision"), body=body, extra=VERSION + WBXML)
        client = await gateway.client(before=data[:-2])
        await until(lambda: bool(gateway.identity.asked))
        await asyncio.sleep(0.03)
        assert gateway.identity.records == []
        await client.send(data[-2:])
        assert (await client.read_answer()).status == 200
        long = request_bytes(target=target("Provision"), body=b"x" * 70_000, extra=VERSION + WBXML)
        other = await gateway.client(before=long)
        assert (await other.read_answer()).status in (200, 403, 449)
        assert backend.heads == []


def device_information() -> Element:
    said = (
        Element("Settings", "Model", text="iPhone15,2"),
        Element("Settings", "OS", text="iOS 17.5"),
    )
    return Element("Settings", "DeviceInformation", children=(Element("Settings", "Set", children=said),))


async def facts_after(body: bytes, *, command: str = "Provision", status: str = "200 OK", step: int = 0):
    async def answer(peer):
        await peer.read_request()
        await peer.send(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    async with RawBackend(answer) as backend, Gateway(backend.url) as gateway:
        data = request_bytes(target=target(command), body=body, extra=VERSION + WBXML)
        client = await gateway.client()
        for start in range(0, len(data), step or len(data)):
            await client.send(data[start : start + (step or len(data))])
            await asyncio.sleep(0)
        await client.read_answer()
        assert backend.heads[0].endswith(body)
        return [dict(event.details) for event in gateway.identity.events if event.name == FACTS_EVENT]


@pytest.mark.parametrize("step", [0, 40])
async def test_what_a_phone_says_of_itself_is_reported_and_the_request_passes_untouched(step):
    facts = await facts_after(provision(device_information()), step=step)
    assert len(facts) == 1
    assert (facts[0]["model"], facts[0]["os"]) == ("iPhone15,2", "iOS 17.5")


async def test_nothing_is_learned_from_what_the_server_did_not_take():
    assert await facts_after(provision(device_information()), status="500 No") == []
    assert await facts_after(provision(device_information()), command="Sync") == []
    assert await facts_after(provision()) == []
    assert await facts_after(b"x" * 20_000) == []


@pytest.mark.parametrize("message", ["Call 42.", ""])
@pytest.mark.parametrize("reason", [Reason.DEVICE_PENDING, Reason.DEVICE_QUARANTINED])
async def test_what_a_waiting_phone_says_of_itself_is_reported_and_goes_no_further(reason, message):
    policy = DevicePolicy(quarantine_message=message)
    async with RawBackend() as backend, Gateway(backend.url, devices=policy) as gateway:
        gateway.identity.answers = deny(reason, telling=b"sealed")
        answer = await refused(gateway, "Provision", provision(device_information()))
        assert answer.status == 200
        (event,) = gateway.identity.events
        assert (event.name, event.publication) == (FACTS_EVENT, "mail")
        assert dict(event.details) == {
            "note": b"sealed".hex(),
            "model": "iPhone15,2",
            "os": "iOS 17.5",
        }
        assert gateway.identity.records[0].reason is reason
        assert backend.heads == []


@pytest.mark.parametrize(
    ("body", "telling"),
    [
        (provision(device_information()), b""),
        (provision(), b"sealed"),
        (b"", b"sealed"),
        (b"<Provision/>", b"sealed"),
        (b"\x03\x01\x6a\x00" + b"x" * 20_000, b"sealed"),
    ],
)
async def test_nothing_is_learned_of_a_refused_phone_without_a_note_or_from_what_cannot_be_read(
    body, telling
):
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_PENDING, telling=telling)
        assert (await refused(gateway, "Provision", body)).status == 200
        assert gateway.identity.events == []
        assert gateway.identity.records[0].reason is Reason.DEVICE_PENDING
        assert backend.heads == []


async def test_a_waiting_phone_of_an_old_version_is_heard_too():
    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_PENDING, telling=b"sealed")
        extra = "MS-ASProtocolVersion: 12.1\r\n"
        body = encode(Element("Settings", "Settings", (device_information(),)))
        assert (await refused(gateway, "Settings", body, extra)).status == 403
        assert dict(gateway.identity.events[0].details)["model"] == "iPhone15,2"
        assert backend.heads == []


async def test_a_waiting_phone_that_hangs_up_is_not_kept_for_its_answer():
    """A phone in quarantine lets its Ping wait for minutes; who asks and hangs up again and again must cost nothing."""
    policy = DevicePolicy(quarantine_message="Call 42.")
    async with RawBackend() as backend, Gateway(backend.url, devices=policy) as gateway:
        gateway.identity.answers = deny(Reason.DEVICE_QUARANTINED)
        asked = encode(Element("Ping", "Ping", (Element("Ping", "HeartbeatInterval", text="200"),)))
        before = held_exchanges()
        data = request_bytes(target=target("Ping"), body=asked, extra=VERSION + WBXML)
        client = await gateway.client(before=data)
        await until(lambda: bool(gateway.identity.asked))
        await asyncio.sleep(0.05)
        assert (gateway.identity.records, held_exchanges() - before) == ([], 1)
        client.close()
        await until(lambda: bool(gateway.identity.records))
        await until(lambda: held_exchanges() == before)


@pytest.mark.parametrize("telling", ["Provision", "Settings", "OPTIONS"])
async def test_being_let_in_to_say_what_it_is_lets_a_phone_do_nothing_else(telling):
    """Else one empty Settings now and then would be a way round every rule about models and systems."""

    def decide(request):
        if request.command == telling:
            return None
        return Decision(Outcome.DENY, Reason.DEVICE_FACTS_MISSING, login="alice")

    async with RawBackend() as backend, Gateway(backend.url) as gateway:
        gateway.identity.answers = decide
        client = await gateway.client()
        method = "OPTIONS" if telling == "OPTIONS" else "POST"
        where = f"/Microsoft-Server-ActiveSync?{DEVICE}" if telling == "OPTIONS" else target(telling)
        assert (await client.ask(method=method, target=where, extra=VERSION)).status == 200
        before = b"".join(backend.heads)
        for other in ("Sync", "ItemOperations", "SendMail"):
            await client.ask(target=target(other), extra=VERSION)
        assert b"".join(backend.heads) == before != b""
        assert [asked.command for asked in gateway.identity.asked[1:]] == [
            "Sync",
            "ItemOperations",
            "SendMail",
        ]


def held_exchanges() -> int:
    """Requests that something still refers to."""
    gc.collect()
    return sum(type(one) is Exchange for one in gc.get_objects())
