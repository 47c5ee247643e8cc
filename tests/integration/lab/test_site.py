"""The simulated Exchange as a whole site, over HTTP: streams, cookies, ranges, redirections, and what is written down."""

import asyncio
import base64
import json

import httpx
import pytest

from handfast.lab.ews.answers import MESSAGES, TYPES
from handfast.lab.exchange import SimulatedExchange
from handfast.lab.mailbox import Attachment
from handfast.lab.soap import SOAP

ALICE = {"X-Remote-User": "CONTOSO\\alice"}
SPACES = f'xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"'
SUBSCRIBE = '<m:Subscribe><m:StreamingSubscriptionRequest SubscribeToAllFolders="true"/></m:Subscribe>'
STREAM = "<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{}</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>"


def soap(body, header=""):
    return f"<s:Envelope {SPACES}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"


@pytest.fixture
async def exchange(tmp_path):
    server = SimulatedExchange(log_path=tmp_path / "log", streaming_heartbeat=0.05)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(exchange):
    async with httpx.AsyncClient(base_url=exchange.url, headers=ALICE, trust_env=False, timeout=10) as made:
        yield made


@pytest.fixture
def log(tmp_path):
    return lambda: [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def subscribed(client):
    answer = await client.post("/EWS/Exchange.asmx", content=soap(SUBSCRIBE))
    return answer.text.partition("SubscriptionId>")[2].partition("<")[0]


async def test_notifications_are_streamed_as_they_come(client, exchange):
    identifier = await subscribed(client)
    async with client.stream("POST", "/EWS/Exchange.asmx", content=soap(STREAM.format(identifier))) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        pieces = answer.aiter_raw()
        assert b">OK<" in await anext(pieces)
        assert exchange.hanging == 1
        exchange.deliver_mail("alice", "news", "")
        while b"NewMailEvent" not in await anext(pieces):
            pass
    await until(lambda: exchange.hanging == 0)


async def test_a_big_attachment_is_streamed(client, exchange, log):
    size = 5_000_000
    message = exchange.deliver_mail("alice", "big", "", attachments=(Attachment("big.bin", size),))
    identifier = base64.b64encode(f"attachment/alice/{message.server_id}/0".encode()).decode()
    body = f'<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="{identifier}"/></m:AttachmentIds></m:GetAttachment>'
    answer = await client.post("/EWS/Exchange.asmx", content=soap(body))
    content = answer.text.partition("<t:Content>")[2].partition("<")[0]
    assert base64.b64decode(content) == message.attachments[0].content()
    assert log()[-1]["command"] == "GetAttachment"
    assert (await client.get("/EWS/Exchange.asmx")).status_code == 302


async def test_affinity_cookies_and_betrayals(client, exchange):
    answer = await client.post("/EWS/Exchange.asmx", content=soap("<m:GetServerTimeZones/>"))
    cookies = answer.headers.get_list("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["X-BackEndCookie", "exchangecookie"]
    assert "path=/ews;" in cookies[0]
    route = base64.b64decode(cookies[0].partition(";")[0].split("=", 2)[2])
    assert bytes(255 - byte for byte in route).startswith(b"ex01.corp.internal~")
    told = ("X-FEServer", "X-BEServer", "X-CalculatedBETarget", "X-DiagInfo")
    assert [answer.headers[name] for name in told] == ["EX01", "EX01", "ex01.corp.internal", "EX01"]


async def test_mapi_sessions_live_by_their_cookie(client, exchange, log):
    fields = {"X-RequestId": "{A}:1", "Content-Type": "application/mapi-http"}

    async def ask(kind):
        return await client.post(
            "/mapi/emsmdb/?MailboxId=x", headers={**fields, "X-RequestType": kind}, content=b""
        )

    first = await ask("Connect")
    assert first.content.startswith(b"PROCESSING\r\nDONE\r\n")
    assert {"MapiContext", "MapiSequence"} <= {
        one.partition("=")[0] for one in first.headers.get_list("Set-Cookie")
    }
    # httpx keeps no `secure` cookie for plain HTTP: the session is carried by hand.
    context = next(one for one in first.headers.get_list("Set-Cookie") if one.startswith("MapiContext="))
    fields["Cookie"] = context.partition(";")[0]
    waiting = asyncio.ensure_future(ask("NotificationWait"))
    await until(lambda: exchange.hanging == 1)
    exchange.deliver_mail("alice", "news", "")
    answer = await waiting
    assert answer.content.startswith(b"PROCESSING\r\n")
    assert answer.headers["X-ResponseCode"] == "0"
    assert (await ask("Disconnect")).headers["X-ResponseCode"] == "0"
    assert [line["command"] for line in log()] == ["Connect", "NotificationWait", "Disconnect"]
    assert log()[1]["cookie_names"] == ["MapiContext"]


async def test_the_address_book_in_pieces(client, exchange):
    folder = f"/OAB/{exchange.names.address_book_id}/"
    assert (await client.get(folder + "oab.xml")).headers["Content-Type"] == "text/xml"
    piece = await client.get(folder + "full-details-1.lzx", headers={"Range": "bytes=5-9"})
    assert (piece.status_code, piece.content) == (206, bytes(range(5, 10)))
    head = await client.head(folder + "full-details-1.lzx")
    assert (head.headers["Content-Length"], head.content) == (str(256 * 1024), b"")


async def test_autodiscover_in_three_languages(client, log):
    request = (
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
        "<EMailAddress>alice@contoso.lab</EMailAddress></Request></Autodiscover>"
    )
    path = "/autodiscover/autodiscover.xml"
    old = await client.post(path, content=request, headers={"X-ClientCanHandle": "Negotiate,ExHttpInfo"})
    new = await client.post(path, content=request, headers={"X-MapiHttpCapability": "1"})
    assert ("EXHTTP" in old.text, "EXHTTP" in new.text, "mapiHttp" in new.text) == (True, False, True)
    assert "<ErrorCode>600<" in (await client.get(path)).text
    assert (await client.get("/autodiscover/autodiscover.svc")).status_code == 200
    found = await client.get(
        "/autodiscover/autodiscover.json?Email=a@b&Protocol=Ews", headers={"X-Remote-User": ""}
    )
    assert found.json()["Url"] == "https://mail.contoso.lab/EWS/Exchange.asmx"
    assert [line["application"] for line in log()] == ["autodiscover"] * 3 + [
        "autodiscover-soap",
        "autodiscover-json",
    ]


@pytest.mark.parametrize(
    ("path", "application"),
    [
        ("/owa/", "owa"),
        ("/ecp/Proxylogon.ecp", "ecp"),
        ("/PowerShell/", "powershell"),
        ("/rpc/rpcproxy.dll?s:6001", "rpc"),
        ("/api/x", "api"),
    ],
)
async def test_what_should_never_be_reached_is_written_down(client, log, path, application):
    assert (await client.get(path)).status_code == 200
    line = log()[-1]
    assert (line["application"], line["path"], line["query"]) == (
        application,
        path.partition("?")[0],
        path.partition("?")[2],
    )


async def test_redirections_on_wish(client, exchange):
    exchange.redirect("activesync", 451, "https://ex02.corp.internal/Microsoft-Server-ActiveSync")
    exchange.redirect("oab", 302, "https://ex02.corp.internal/OAB/")
    phone = await client.options("/Microsoft-Server-ActiveSync")
    assert (phone.status_code, phone.headers["X-MS-Location"][:27]) == (451, "https://ex02.corp.internal/")
    assert (await client.get("/OAB/x")).headers["Location"] == "https://ex02.corp.internal/OAB/"
    exchange.redirect_autodiscover("redirectAddr", "alice@other.lab")
    request = "<Autodiscover><Request><EMailAddress>alice@contoso.lab</EMailAddress></Request></Autodiscover>"
    assert (
        "<RedirectAddr>alice@other.lab<"
        in (await client.post("/autodiscover/autodiscover.xml", content=request)).text
    )


async def test_impersonation_works_and_is_written_down(client, exchange, log):
    sid = "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>bob@contoso.lab</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
    find = '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>'
    exchange.deliver_mail("bob", "Bob's own", "")
    answer = await client.post("/EWS/Exchange.asmx", content=soap(find, sid))
    assert "Bob's own" in answer.text
    assert (log()[-1]["user"], log()[-1]["acting_as"], log()[-1]["command"]) == (
        "CONTOSO\\alice",
        "bob@contoso.lab",
        "FindItem",
    )


async def test_delegates(client, exchange):
    find = '<m:GetFolder><m:FolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>bob@contoso.lab</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>'
    assert "ErrorAccessDenied" in (await client.post("/EWS/Exchange.asmx", content=soap(find))).text
    exchange.make_delegate("bob", "CONTOSO\\alice")
    assert "NoError" in (await client.post("/EWS/Exchange.asmx", content=soap(find))).text


async def test_nobody_in_particular_gets_nothing(client, log):
    for path in ("/EWS/Exchange.asmx", "/mapi/emsmdb", "/owa/", "/autodiscover/autodiscover.xml"):
        assert (await client.post(path, headers={"X-Remote-User": ""})).status_code == 401
    assert {line["user"] for line in log()} == {""}
    broken = await client.post("/EWS/Exchange.asmx", content=b"<x/>")
    assert (broken.status_code, log()[-1]["problem"] != "") == (500, True)
    for path in (
        "/EWS/other.asmx",
        "/autodiscover/other",
        "/mapi/nspi",
        "/Microsoft-Server-ActiveSync/x",
        "/nowhere",
    ):
        assert (await client.post(path)).status_code == 404


async def test_text_goes_out_compressed_where_wanted(tmp_path):
    server = SimulatedExchange(compresses=True)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url, headers=ALICE, trust_env=False) as client:
            zones = soap("<m:GetServerTimeZones/>")
            packed = await client.post("/EWS/Exchange.asmx", content=zones)
            plain = await client.post(
                "/EWS/Exchange.asmx", content=zones, headers={"Accept-Encoding": "identity"}
            )
            assert (packed.headers["Content-Encoding"], packed.text) == ("gzip", plain.text)
            assert "Content-Encoding" not in plain.headers
            book = await client.get(f"/OAB/{server.names.address_book_id}/full-details-1.lzx")
            assert "Content-Encoding" not in book.headers
    finally:
        await server.stop()
