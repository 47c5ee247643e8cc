"""What the server behind sees of a request, to the byte, and what a client sees of its answer.

Whatever a client says about who it is, where it comes from or where it wants to go stays outside; what the server says
about itself stays inside. Sent by curl, read by a server that keeps every byte.
"""

from __future__ import annotations

import base64

import pytest

from tests.installation import HOST, installation
from tests.integration.clients.conftest import PATH, WBXML_TYPE, Curl
from tests.integration.clients.wire import wire
from tests.lab_server import recording_server

pytestmark = pytest.mark.needs("curl")

CLAIMS = {
    "X-Remote-User": "bob@contoso.lab",
    "x-remote-user": "administrator",
    "X_Remote_User": "administrator",
    "X-Remote_User": "administrator",
    "Remote-User": "administrator",
    "X-WebObjects-Remote-User": "administrator",
    "X-Forwarded-Host": "ex01.corp.internal",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-User": "administrator",
    "X-Forwarded-Server": "ex01",
    "X-Forwarded-Port": "81",
    "X-Original-URL": "/ecp/",
    "X-Rewrite-URL": "/ecp/",
    "X-HTTP-Method-Override": "DELETE",
    "X-Request-Id": "chosen-by-the-client",
    "X-CommonAccessToken": "VgEAVAdXaW5kb3dzQwBBCEtlcmJlcm9z",
    "X-IsFromCafe": "1",
    "X-BEResource": "localhost~1942062522",
    "X-BackEndCookie": "S-1-5-21=ex01",
    "X-FEServer": "EX01",
    "X-BEServerException": "1",
    "X-CalculatedBETarget": "ex01.corp.internal",
    "X-AnchorMailbox": "administrator@contoso.lab",
    "msExchProxyUri": "https://mail/powershell",
    "msExchLogonMailbox": "S-1-5-18",
    "MS-ASProxy": "administrator",
    "Proxy-Authorization": "Basic YTpi",
    "TE": "trailers",
}
ROUTING_COOKIES = (
    "a=1; X-BackEndCookie=S-1-5-21=ex01; x-beresource=localhost~1942062522; X-AnonResource=true; b=2"
)
GOES_BEHIND = {
    "User-Agent": "Test/1.0",
    "MS-ASProtocolVersion": "14.1",
    "X-MS-PolicyKey": "7",
    "Accept-Language": "de",
}
OURS = {"x-remote-user", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "host"}

INSIDE_FIELDS = {
    "Server": "Microsoft-IIS/10.0",
    "X-Powered-By": "ASP.NET",
    "X-AspNet-Version": "4.0.30319",
    "X-FEServer": "EX01",
    "X-BEServer": "EX02",
    "X-CalculatedBETarget": "ex02.corp.internal",
    "X-DiagInfo": "EX02",
    "X-TargetBEServer": "ex02.corp.internal",
    "X-BackEndHttpStatus": "200",
    "X-BEPartition": "EX02",
    "Via": "1.1 ex01.corp.internal",
    "Set-Cookie": "X-BackEndCookie=S-1-5-21=ex02.corp.internal; path=/; secure",
    "WWW-Authenticate": 'Basic realm="ex01.corp.internal"',
    "Persistent-Auth": "true",
    "Keep-Alive": "timeout=5, host=ex01",
    "Proxy-Connection": "keep-alive",
    "Alt-Svc": 'h3="ex01.corp.internal:443"',
    "Content-Location": "https://ex01.corp.internal/EWS",
}
MAY_COME_BACK = {
    "MS-Server-ActiveSync": "15.2",
    "X-MS-Credentials-Expire": "9",
    "Date": "Fri, 20 Nov 2026 21:30:32 GMT",
}


@pytest.fixture(scope="module")
def recorded():
    fields = [*INSIDE_FIELDS.items(), *MAY_COME_BACK.items(), ("Set-Cookie", "exchangecookie=0123; path=/")]
    with recording_server("".join(f"{name}: {value}\r\n" for name, value in fields).encode()) as server:
        yield server


@pytest.fixture(scope="module")
def recorded_site(recorded):
    """Three publications with the same server: told by a header, by the account's stored password, not at all."""
    more = "".join(
        f'[[publication]]\nname = "{auth}"\nhosts = ["{auth}.contoso.lab"]\nauth = ["basic", "ntlm"]\n'
        f'[publication.backend]\nurls = ["{recorded.url}"]\nauth = "{auth}"\n'
        for auth in ("stored", "none")
    )
    with installation(backend=recorded.url, backend_options='auth_header_value = "upn"', more=more) as site:
        site.add_account("alice")
        site.cli(
            "backend-secret", "set", "alice", "stored", "--user-name", "CONTOSO\\alice", stdin="Inside-1\n"
        )
        site.values["password"] = site.issue("alice", "--ntlm")
        yield site


@pytest.fixture
def seen(recorded):
    recorded.seen.clear()
    return recorded.seen


def send(site, folder_sync, *options, host=HOST, method="--basic"):
    body = site.folder / "body"
    body.write_bytes(folder_sync)
    target = f"{PATH}?Cmd=FolderSync&User=alice&DeviceId=A1&DeviceType=x"
    curl = Curl(site, body)
    words = [word for option in options for word in ("-H", option)]
    done = curl.run([*curl.post(method, "-u", f"alice:{site.values['password']}", *words), target], host=host)
    assert done.statuses == [200], done.log
    return [line[2:] for line in done.log.splitlines() if line.startswith("< ")]


@pytest.mark.parametrize("method", ["--basic", "--ntlm"])
def test_what_a_client_claims_never_arrives(recorded_site, seen, folder_sync, method):
    claims = [f"{name}: {value}" for name, value in CLAIMS.items()]
    passed = [f"{name}: {value}" for name, value in GOES_BEHIND.items()]
    if method == "--basic":  # NTLM is refused where it came through a proxy.
        claims += [
            "X-Forwarded-For: 192.0.2.1",
            "Forwarded: for=192.0.2.1",
            "Via: 1.1 proxy",
            "X-Real-IP: 192.0.2.1",
        ]
    send(recorded_site, folder_sync, *claims, *passed, f"Cookie: {ROUTING_COOKIES}", method=method)
    (request,) = seen
    assert request.body == folder_sync
    assert request.values("x-remote-user") == ["alice@contoso.lab"]
    assert request.values("x-forwarded-for") == ["127.0.0.1"]
    assert request.values("x-forwarded-proto") == ["https"]
    assert request.values("x-forwarded-host") == [HOST]
    assert len(request.values("x-request-id")) == 1
    assert request.values("cookie") == ["a=1; b=2"]
    for name, value in GOES_BEHIND.items():
        assert request.values(name.lower()) == [value]
    names = {name for name, _ in request.fields}
    assert "authorization" not in names
    assert not names & ({name.lower() for name in CLAIMS} - OURS)
    said = request.head.decode("latin-1")
    for value in (
        "administrator",
        "bob@",
        "192.0.2.1",
        "internal",
        "/ecp",
        "chosen-by",
        "localhost",
        "S-1-5",
        "beresource",
    ):
        assert value not in said.lower(), value
    password = recorded_site.values["password"]
    assert password not in said
    assert base64.b64encode(f"alice:{password}".encode()).decode() not in said


def test_fields_the_client_nominates_as_hop_by_hop_do_not_take_ours_away(recorded_site, seen, folder_sync):
    send(
        recorded_site, folder_sync,
        "Connection: keep-alive, X-Remote-User, X-Forwarded-For, Host, Content-Length, X-Mine", "X-Mine: 1",
    )  # fmt: skip
    (request,) = seen
    assert request.values("x-remote-user") == ["alice@contoso.lab"]
    assert request.values("x-forwarded-for") == ["127.0.0.1"]
    assert request.values("host") == [HOST] or request.values("host")[0].startswith(HOST + ":")
    assert request.values("x-mine") == []
    assert request.body == folder_sync


@pytest.mark.parametrize("method", ["--basic", "--ntlm"])
def test_with_a_stored_password_the_server_gets_that_and_only_that(recorded_site, seen, folder_sync, method):
    send(recorded_site, folder_sync, "X-Remote-User: bob", host="stored.contoso.lab", method=method)
    (request,) = seen
    expected = base64.b64encode(b"CONTOSO\\alice:Inside-1").decode()
    assert request.values("authorization") == [f"Basic {expected}"]
    assert request.values("x-remote-user") == []


@pytest.mark.parametrize("method", ["--basic", "--ntlm"])
def test_without_a_sign_in_behind_the_server_gets_no_credential(recorded_site, seen, folder_sync, method):
    send(recorded_site, folder_sync, "X-Remote-User: bob", host="none.contoso.lab", method=method)
    (request,) = seen
    assert request.values("authorization") == request.values("x-remote-user") == []


def test_what_the_server_says_of_itself_never_comes_back(recorded_site, seen, folder_sync):
    answer = send(recorded_site, folder_sync)
    fields = [
        (name.lower(), value) for name, _, value in (line.partition(": ") for line in answer[1:] if line)
    ]
    for name, value in MAY_COME_BACK.items():
        assert (name.lower(), value) in fields
    assert [value for name, value in fields if name == "set-cookie"] == ["exchangecookie=0123; path=/"]
    names = {name for name, _ in fields}
    assert not names & ({name.lower() for name in INSIDE_FIELDS} - {"set-cookie"})
    said = "\n".join(answer).lower()
    for word in ("internal", "ex01", "ex02", "iis", "asp.net"):
        assert word not in said, word


def test_the_path_and_query_behind_are_rebuilt_from_what_was_understood(recorded_site, seen, folder_sync):
    basic = "Basic " + base64.b64encode(f"alice:{recorded_site.values['password']}".encode()).decode()
    with wire(recorded_site) as client:
        target = "/MICROSOFT-Server-activesync?cmd=FolderSync&user=alice&deviceid=A1&devicetype=x"
        assert client.post(target, folder_sync, basic).status == 200
    (request,) = seen
    assert request.head.startswith(
        b"POST /Microsoft-Server-ActiveSync?Cmd=FolderSync&User=alice&DeviceId=A1&DeviceType=x HTTP/1.1\r\n"
    )
    assert request.values("content-type") == [WBXML_TYPE]
