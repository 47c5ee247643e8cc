"""What the simulated phone makes of servers that refuse, close, or talk nonsense."""

import asyncio

import pytest

from handfast.lab.phone import SimulatedPhone
from handfast.lab.phone_day import run_phone
from handfast.protocols.activesync import Command
from handfast.protocols.activesync.element import Element
from handfast.protocols.activesync.wbxml import encode
from handfast.protocols.errors import MalformedMessage

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def wbxml(element: Element) -> bytes:
    body = encode(element)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.fixture
async def scripted():
    """Starts a server that gives each connection the next list of answers, then closes it."""
    running, phones = [], []

    async def start(*connections: list[bytes]) -> SimulatedPhone:
        scripts = iter(connections)

        async def serve(reader, writer):
            for answer in next(scripts, []):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(answer)
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        running.append(server)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        phones.append(SimulatedPhone(url, None, "mail.example", "alice", "pw", "A1"))
        return phones[-1]

    yield start
    for phone in phones:
        await phone.close()
    for server in running:
        server.close()
        await server.wait_closed()


async def test_interim_answers_are_passed_over(scripted):
    phone = await scripted(
        [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + EMPTY]
    )
    assert (await phone.options()).http_status == 200


async def test_a_closed_connection_is_opened_again(scripted):
    phone = await scripted([EMPTY], [EMPTY])
    assert (await phone.options()).ok
    await asyncio.sleep(0.05)
    assert (await phone.options()).ok


async def test_close_said_by_the_server(scripted):
    phone = await scripted([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"], [EMPTY])
    assert (await phone.options()).ok
    assert (await phone.options()).ok


async def test_a_body_until_the_end(scripted):
    phone = await scripted([b"HTTP/1.0 200 OK\r\n\r\nsome page"], [EMPTY])
    assert (await phone.options()).ok
    assert (await phone.options()).ok


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
    ],
)
async def test_no_whole_answer_is_a_lost_connection(scripted, answer):
    phone = await scripted([answer])
    with pytest.raises(ConnectionError):
        await phone.options()


async def test_nobody_listens():
    phone = SimulatedPhone("http://127.0.0.1:1", None, "mail.example", "alice", "pw", "A1")
    with pytest.raises(ConnectionError, match=r"no connection to 127\.0\.0\.1:1"):
        await phone.options()


def test_a_base_url_is_needed():
    with pytest.raises(ValueError, match="no base URL"):
        SimulatedPhone("mail.example", None, "mail.example", "alice", "pw", "A1")


async def test_synchronising_before_the_folders_is_a_mistake_of_ours(scripted):
    with pytest.raises(RuntimeError, match="folder_sync first"):
        await (await scripted()).sync()


async def test_a_body_that_is_no_wbxml(scripted):
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: 2\r\n\r\nxx"
    phone = await scripted([answer])
    with pytest.raises(MalformedMessage):
        await phone.command(Command.FOLDER_SYNC, None)


async def test_mail_bodies_may_be_opaque(scripted):
    folder = [
        Element("FolderHierarchy", name, text=text) for name, text in (("ServerId", "7"), ("Type", "2"))
    ]
    changes = Element("FolderHierarchy", "Changes", (Element("FolderHierarchy", "Add", tuple(folder)),))
    said = (
        Element("FolderHierarchy", "Status", text="1"),
        Element("FolderHierarchy", "SyncKey", text="1"),
        changes,
    )
    body = Element("AirSyncBase", "Body", (Element("AirSyncBase", "Data", opaque="grün".encode()),))
    added = Element("AirSync", "Add", (Element("AirSync", "ApplicationData", (body,)),))

    def collection(key, *more):
        parts = (Element("AirSync", "SyncKey", text=key), Element("AirSync", "Status", text="1"), *more)
        inner = Element("AirSync", "Collections", (Element("AirSync", "Collection", parts),))
        return wbxml(Element("AirSync", "Sync", (inner,)))

    phone = await scripted(
        [
            wbxml(Element("FolderHierarchy", "FolderSync", said)),
            collection("1"),
            collection("2", Element("AirSync", "Commands", (added,))),
        ]
    )
    await phone.folder_sync()
    _, mails = await phone.sync()
    assert [mail.body for mail in mails] == ["grün"]


async def test_a_day_that_ends_in_refusals(scripted):
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    broken = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: 2\r\n\r\nxx"
    phone = await scripted([refused], [EMPTY, broken], [EMPTY, EMPTY, EMPTY])
    said = []
    day = asyncio.ensure_future(run_phone(phone, said.append, pause=0.05))
    async with asyncio.timeout(20):
        while "FolderSync showed no inbox" not in said:
            await asyncio.sleep(0.01)
    day.cancel()
    with pytest.raises(asyncio.CancelledError):
        await day
    assert "OPTIONS: HTTP 403, this device may not use the account" in said
    assert any(line.startswith("an answer I cannot read: wbxml header") for line in said)
