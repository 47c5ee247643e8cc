"""`handfast explain` for every reason a request can end with: each is produced for real, then explained by its id."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from handfast.cli import app
from handfast.cli.next_steps import NEXT_STEPS
from handfast.decision.reasons import Reason
from handfast.identity.administration.errors import AdministrationError
from handfast.identity_api.admin_client import AdminClient
from handfast.observability.record_decision import BURST, PER_SECOND
from handfast.protocols.activesync.device_information import DeviceInformation
from handfast.protocols.activesync.provision_request import ProvisionRequest, encode_provision_request
from handfast.protocols.ntlm.encoding import encode_authenticate
from handfast.protocols.ntlm.messages import AuthenticateMessage
from tests.door import BALANCED, PATH, Answer, ask, ask_raw, basic, connection, dial, query, send
from tests.fakes.ntlm_client import NtlmClient
from tests.installation import HOST, Installation, prepare
from tests.lab_server import LabServer, lab_server
from tests.servers.processes import free_port, server_directory, wait_until

PEOPLE = 70
FLOOD = 1000
PUBLICATION = """
[[policy]]
name = "{name}"
phone_refusals = "http"
{policy}

[[publication]]
name = "{name}"
hosts = ["{name}.contoso.lab"]
policy = "{name}"
{settings}

[publication.backend]
urls = ["{url}"]
{backend}
"""
NARROW = """
[[listener]]
name = "narrow"
address = "127.0.0.1:{port}"
max_connections_per_source = 1
"""
HASTY = """
[[listener]]
name = "hasty"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"
head_timeout_seconds = 1.0
"""
FIRST_USE = 'mode = "first-use"'
EXCHANGE = "exchange.contoso.lab"
DISCOVERY = (
    b'<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    b"<EMailAddress>NAME@contoso.lab</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/"
    b"autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>"
)
IMPERSONATION = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><t:ExchangeImpersonation'
    b' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header><s:Body/></s:Envelope>'
)
INSTALLING = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><InstallApp'
    b' xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"/></s:Body></s:Envelope>'
)
PING = b"\x03\x01\x6a\x00\x00\x0d\x45\x48\x03600\x00\x01\x49\x4a\x4b\x031\x00\x01\x4d\x03Email\x00\x01\x01\x01\x01"
"""A Ping of 600 s on folder 1 (MS-ASWBXML 2.1.2.1.14)."""


class OddBackend:
    """Takes connections and answers each request with the same bytes, or with nothing."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            self._taken.append(taken)
            threading.Thread(target=self._reply, args=(taken,), daemon=True).start()

    def _reply(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while taken.recv(65536):
                if self._answer:
                    taken.sendall(self._answer)

    def close(self) -> None:
        self._listening.close()
        for taken in self._taken:
            taken.close()


@dataclass
class World:
    """The installation, what stands behind it, and people nobody has used yet."""

    site: Installation
    server: LabServer
    narrow_port: int
    hasty_port: int
    names: Iterator[str]

    @property
    def admin(self) -> AdminClient:
        return AdminClient(self.site.folder / "run" / "admin.sock")

    def call(self, method: str, **arguments: object) -> Any:
        return self.admin.call(method, **arguments)

    def person(self) -> str:
        return next(self.names)

    def password(self, name: str, **order: object) -> str:
        return str(self.call("app_password_issue", account=name, **order)["password"])

    def fresh(self, **order: object) -> tuple[str, str]:
        name = self.person()
        return name, self.password(name, **order)

    def paired(self, device: str = "PHONE1", **more: Any) -> tuple[str, str]:
        name, password = self.fresh()
        assert ask(self.site, name, password, device=device, **more).status == 200
        return name, password

    def refused(self, *login: str, status: int = 403, **more: Any) -> str:
        answer = ask(self.site, *login, **more)
        assert answer.status == status, answer
        return answer.request_id

    def raw(self, data: bytes, status: int) -> str:
        answer = ask_raw(self.site, data)
        assert answer.status == status, answer
        return answer.request_id

    def sql(self, statement: str, *values: object) -> None:
        with contextlib.closing(sqlite3.connect(self.site.folder / "handfast.db", timeout=10)) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            assert database.execute(statement, values).rowcount == 1
            database.commit()

    def logged(self, reason: Reason, *words: str) -> str:
        """The request id of the log line with that reason; the client was not told it."""
        line = self.site.wait_for_log_line(f"reason={reason.value} ", *words)[-1]
        return re.search(r" request=(\S+)", line)[1]

    def hung(self, name: str) -> int:
        """How many requests of that person the back end has kept waiting; those that have ended since count too."""
        return len(self.server.requests(user=name, hanging=True))

    @contextlib.contextmanager
    def hanging(self, name: str, password: str) -> Iterator[socket.socket]:
        """A connection whose Ping hangs at the back end."""
        before = self.hung(name)
        with dial(self.site) as door:
            head = (
                f"POST {PATH}?{query('PHONE1', 'Ping')} HTTP/1.1\r\nHost: {HOST}\r\n"
                f"Authorization: {basic(name, password)}\r\nMS-ASProtocolVersion: 14.1\r\n"
                f"User-Agent: Apple-iPhone12C1/1801.373\r\nContent-Length: {len(PING)}\r\n\r\n"
            )
            door.sendall(head.encode() + PING)
            wait_until(lambda: self.hung(name) > before, "the Ping hangs")
            yield door

    def ntlm(
        self, client: NtlmClient, *, host: str = HOST, change: Callable[[bytes], bytes] = lambda last: last
    ) -> Answer:
        """Both legs on one connection; `change` alters the last message."""
        with connection(self.site) as door:
            challenge = self.challenge(door, client, host)
            last = change(client.authenticate(challenge))
            return send(door, host=host, headers={"Authorization": ntlm_field(last)})

    def challenge(self, door: Any, client: NtlmClient, host: str = HOST) -> bytes:
        first = send(door, host=host, headers={"Authorization": ntlm_field(client.negotiate())})
        assert first.status == 401
        return base64.b64decode(first.headers["www-authenticate"].removeprefix("NTLM "))

    def ntlm_refused(
        self, host: str = HOST, change: Callable[[bytes], bytes] = lambda last: last, **turned: Any
    ) -> str:
        name, password = self.fresh(ntlm=True)
        client = NtlmClient(
            **{"user": name, "domain": "CONTOSO", "password": password, "now": datetime.now(UTC)} | turned
        )
        answer = self.ntlm(client, host=host, change=change)
        assert answer.status == 401
        return answer.request_id


def ntlm_field(message: bytes) -> str:
    return "NTLM " + base64.b64encode(message).decode()


def ntlm_v1(last: bytes) -> bytes:
    del last
    return encode_authenticate(
        AuthenticateMessage(
            flags=NtlmClient("x", "x", "x").flags,
            user="alice",
            domain="CONTOSO",
            workstation="OLD",
            nt_response=b"\x11" * 24,
            lm_response=b"\x22" * 24,
        )
    )


def ntlm_anonymous(last: bytes) -> bytes:
    del last
    return encode_authenticate(
        AuthenticateMessage(
            flags=NtlmClient("x", "x", "x").flags,
            user="",
            domain="",
            workstation="",
            nt_response=b"",
            lm_response=b"\0",
        )
    )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    silent, garbled = OddBackend(b""), OddBackend(b"HELLO THERE\r\n\r\n")
    telling = OddBackend(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nex1.inside"
    )
    with (
        lab_server() as server,
        lab_server(accept="basic", passwords={"nobody": "x"}) as stored,
        server_directory("explain") as folder,
    ):
        site = prepare(
            folder,
            backend=server.url,
            workers=1,
            listener=f"{BALANCED}\nmax_head_bytes = 4096",
            publication="max_body_bytes = 10000\nhuman_secrets = true",
            gateway="grant_grace_seconds = 1\ndenial_quantum_ms = 0",
            lockout="per_account_and_source = 2",
        )
        publications = (
            ("approval", 'mode = "approval"\npending_limit = 1', "", server.url, 'auth = "header"'),
            ("window", 'mode = "window"', "", server.url, 'auth = "header"'),
            ("listed", 'mode = "listed"', "", server.url, 'auth = "header"'),
            ("limited", f"{FIRST_USE}\ndevice_limit = 1", "", server.url, 'auth = "header"'),
            (
                "rules",
                f'{FIRST_USE}\ndeny_types = ["Old*"]\ndeny_user_agents = ["Evil*"]\ndeny_protocol_versions = ["2.5"]',
                "",
                server.url,
                'auth = "header"',
            ),
            (
                "told",
                (
                    f'{FIRST_USE}\nallow_os = ["iOS*"]\ndeny_models = ["OldPhone*"]\ndeny_imeis = ["49-015420*"]\n'
                    'deny_phone_numbers = ["+1900*"]\ndeny_friendly_names = ["lent *"]'
                ),
                "",
                server.url,
                'auth = "header"',
            ),
            (
                "bound",
                FIRST_USE,
                'auth = ["ntlm"]\nchannel_binding = "require"',
                server.url,
                'auth = "header"',
            ),
            ("basic", FIRST_USE, 'auth = ["basic"]', server.url, 'auth = "header"'),
            ("near", FIRST_USE, 'networks = ["203.0.113.0/24"]', server.url, 'auth = "header"'),
            ("down", FIRST_USE, "", f"http://127.0.0.1:{free_port()}", 'auth = "header"'),
            ("slow", FIRST_USE, "", silent.url, 'auth = "header"\nanswer_timeout_seconds = 0.5'),
            ("broken", FIRST_USE, "", garbled.url, 'auth = "header"'),
            ("stored", FIRST_USE, "", stored.url, 'auth = "stored"'),
            ("telling", FIRST_USE, 'kind = "exchange"', telling.url, 'auth = "header"'),
            ("exchange", FIRST_USE, 'kind = "exchange"', server.url, 'auth = "header"'),
            ("full", FIRST_USE, "", silent.url, 'auth = "header"\nmax_connections = 1'),
        )
        narrow_port, hasty_port = free_port(), free_port()
        odd_listeners = [
            NARROW.format(port=narrow_port),
            HASTY.format(port=hasty_port, **{name: site.values[name] for name in ("certificate", "key")}),
        ]
        more = [
            PUBLICATION.format(name=name, policy=policy, settings=settings, url=url, backend=backend)
            for name, policy, settings, url, backend in publications
        ]
        site.write_settings(more="\n".join([*odd_listeners, *more]))
        try:
            site.start()
            world = World(site, server, narrow_port, hasty_port, iter([f"p{n}" for n in range(PEOPLE)]))
            people = [
                {"user": f"p{n}", "domain": "CONTOSO", "upn": f"p{n}@contoso.lab"} for n in range(PEOPLE)
            ]
            assert world.call("account_import", rows=people)["imported"] == PEOPLE
            yield world
        finally:
            site.stop()
            silent.close()
            garbled.close()
            telling.close()


def allowed(world: World) -> str:
    name, password = world.fresh()
    assert ask(world.site, name, password, device="OKPHONE").status == 200
    return world.logged(Reason.ALLOWED, "device=OKPHONE")


def request_timeout(world: World) -> str:
    with dial(replace(world.site, port=world.hasty_port)) as door:
        door.sendall(b"POST / HTTP/1.1\r\nHos")
        answer = door.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    return re.search(rb"(?i)x-request-id: (\S+)", answer)[1].decode()


def too_many_connections(world: World) -> str:
    with socket.create_connection(("127.0.0.1", world.narrow_port)):
        with socket.create_connection(("127.0.0.1", world.narrow_port), timeout=20) as second:
            assert second.recv(1) == b""
    line = world.site.wait_for_log_line("gateway-event", "too-many-connections")[-1]
    return re.search(r" request=\"?([0-9a-f]+)", line)[1]


def locked_out(world: World) -> str:
    name = world.person()
    world.call("account_set_pin", account=name, pin="correct horse battery")
    for number in range(2):
        world.refused(name, f"wrong guess {number}", status=401)
    return world.refused(name, "correct horse battery", status=401)


def replayed(world: World) -> str:
    name, password = world.fresh(ntlm=True)
    client = NtlmClient(name, "CONTOSO", password, now=datetime.now(UTC))
    with connection(world.site) as door:
        challenge = world.challenge(door, client)
        last = ntlm_field(client.authenticate(challenge))
        assert send(door, headers={"Authorization": last}).status == 200
        again = send(door, headers={"Authorization": last})
        assert again.status == 401
        return again.request_id


def expired(world: World) -> str:
    name, password = world.fresh()
    past = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1_000_000)
    world.sql(
        "UPDATE app_passwords SET created_at = ? - 1, use_by = ? WHERE account_id ="
        " (SELECT id FROM accounts WHERE user_name = ?)",
        past, past, name,
    )  # fmt: skip
    return world.refused(name, password, status=401)


def revoked(world: World) -> str:
    name = world.person()
    issued = world.call("app_password_issue", account=name)
    world.call("app_password_revoke", account=name, id=issued["id"])
    return world.refused(name, issued["password"], status=401)


def disabled(world: World) -> str:
    name, password = world.paired()
    world.call("account_disable", account=name)
    return world.refused(name, password)


def without_door(world: World, *, stale: bool) -> str:
    """Companion channels have no door yet: the running installation's own pipeline is asked, on its own records."""
    import asyncio

    from handfast.app.current_directory import CurrentDirectory
    from handfast.app.domain import build_publications
    from handfast.app.identity_process import IdentityProcess, open_directory
    from handfast.app.records import open_all
    from handfast.decision.access import AccessRequest, BasicCredential
    from handfast.decision.pipeline import Pipeline
    from handfast.decision.publication import PathRule
    from handfast.identity.channels import Channel
    from handfast.settings.load import load_settings

    order: dict[str, object] = {"profile": "outlook", "channels": ["activesync", "ews"]}
    name, password = world.fresh(**order)
    if stale:
        assert ask(world.site, name, password).status == 200
        world.sql(
            "UPDATE partnerships SET first_seen_at = first_seen_at - 172800000000,"
            " last_seen_at = last_seen_at - 172800000000 WHERE account_id = (SELECT id FROM accounts WHERE user_name = ?)",
            name,
        )
    settings = load_settings(world.site.settings).settings
    rule = PathRule("ews", Channel.EWS, frozenset({"/ews/exchange.asmx"}), frozenset({"POST"}))
    mail = build_publications(settings)["mail"]
    request_id = f"companion{stale:d}"
    request = AccessRequest(
        request_id,
        "local",
        "outside",
        "192.0.2.1",
        "mail",
        "ews",
        Channel.EWS,
        BasicCredential(name, password),
    )

    async def evaluate() -> None:
        opened = await open_all(settings)
        process = IdentityProcess(settings)
        try:
            process._directory = CurrentDirectory(settings.directory, open_directory)
            services = process._services(opened)
            pipeline = Pipeline(services, {"mail": replace(mail, rules=(*mail.rules, rule))})
            await pipeline.evaluate(request)
            await services.recent.flush(opened.records)
        finally:
            await opened.close()
            process._hasher.close()

    world.site.stop()
    try:
        asyncio.run(evaluate())
    finally:
        world.site.start()
    return request_id


def pending_limit(world: World) -> str:
    name = world.person()
    world.refused(name, world.password(name), device="A1", host="approval.contoso.lab")
    return world.refused(name, world.password(name), device="A2", host="approval.contoso.lab")


def quarantined(world: World) -> str:
    return world.refused(*world.paired(), kind="Android")


def blocked(world: World) -> str:
    name, password = world.paired()
    world.call("device_block", account=name, device_id="PHONE1")
    return world.refused(name, password)


def wipe_pending(world: World) -> str:
    name, password = world.paired()
    world.call("device_wipe", account=name, device_id="PHONE1")
    return world.refused(name, password, status=200)


def told(world: World, *, model: str = "Pixel", system: str = "iOS 17", **more_facts: str) -> str:
    """A phone that says what it is when it provisions, and is refused for it from then on."""
    name, password = world.fresh()
    said = DeviceInformation(model=model, os=system, **more_facts)
    body = encode_provision_request(ProvisionRequest(device_information=said))
    more = {"host": "told.contoso.lab", "agent": "Mail/1"}
    answer = ask(world.site, name, password, command="Provision", body=body, **more)
    assert answer.status == 200, answer
    refusals: list[Answer] = []

    def is_refused() -> bool:
        refusals.append(ask(world.site, name, password, **more))
        return refusals[-1].status == 403

    wait_until(is_refused, "what it said is refused")
    return refusals[-1].request_id


def wiped(world: World) -> str:
    name, password = world.paired()
    row = {"account": name, "device_id": "PHONE1", "device_type": "iPhone", "state": "wiped"}
    assert world.call("device_import", rows=[row])["updated"] == 1
    return world.refused(name, password)


def device_limit(world: World) -> str:
    name = world.person()
    assert ask(world.site, name, world.password(name), device="L1", host="limited.contoso.lab").status == 200
    return world.refused(name, world.password(name), device="L2", host="limited.contoso.lab")


def revoked_in_flight(world: World) -> str:
    name, password = world.paired()
    with world.hanging(name, password) as door:
        world.call("device_block", account=name, device_id="PHONE1")
        answer = door.recv(65536)
    return re.search(rb"(?i)x-request-id: (\S+)", answer)[1].decode()


@contextlib.contextmanager
def silent_identity(world: World) -> Iterator[None]:
    """Identity is stopped in its tracks until the gateway has noticed; then it goes on."""
    [pid] = world.site.children("identity")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: ask(world.site).status == 401, "identity is back")


def grant_expired(world: World) -> str:
    name, password = world.paired()
    with world.hanging(name, password) as door, silent_identity(world):
        answer = door.recv(65536)
    return re.search(rb"(?i)x-request-id: (\S+)", answer)[1].decode()


def identity_unavailable(world: World) -> str:
    name, password = world.fresh()
    with silent_identity(world):
        return world.refused(name, password, status=503)


def overloaded(world: World) -> str:
    name, password = world.fresh()
    with dial(world.site) as door:
        head = (
            f"POST {PATH}?{query()} HTTP/1.1\r\nHost: full.contoso.lab\r\nAuthorization: {basic(name, password)}\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        door.sendall(head.encode())
        other, secret = world.fresh()
        seen: list[Answer] = []

        def is_full() -> bool:
            seen.append(ask(world.site, other, secret, host="full.contoso.lab"))
            return seen[-1].status == 503

        wait_until(is_full, "the one connection is taken")
        return seen[-1].request_id


def sign_in_refused(world: World, *, again: bool) -> str:
    name, password = world.fresh()
    world.call("secret_set", account=name, publication="stored", user_name="nobody", password="wrong")
    first = world.refused(name, password, status=503, host="stored.contoso.lab")
    return world.refused(name, password, status=503, host="stored.contoso.lab") if again else first


def client_gone(world: World) -> str:
    name, password = world.paired()
    with world.hanging(name, password):
        pass
    return world.logged(Reason.CLIENT_GONE, f"login={name} ")


def shutting_down(world: World) -> str:
    name, password = world.paired()
    with world.hanging(name, password) as door:
        world.site.stop()
        answer = door.recv(65536)
    world.site.start()
    assert answer.startswith(b"HTTP/1.1 503 "), answer
    return re.search(rb"(?i)x-request-id: (\S+)", answer)[1].decode()


def internal_error(world: World) -> str:
    name, password = world.paired()
    world.sql(
        "UPDATE partnerships SET state = 'odd' WHERE account_id = (SELECT id FROM accounts WHERE user_name = ?)",
        name,
    )
    return world.refused(
        name, password, status=503, kind="iPhone", agent="another fact, so that no grant is live"
    )


def asking_ews(world: World, body: bytes) -> str:
    name, password = world.fresh(profile="outlook", channels=["activesync", "ews"])
    assert ask(world.site, name, password, host=EXCHANGE).status == 200
    return world.refused(
        name,
        password,
        host=EXCHANGE,
        target="/EWS/Exchange.asmx",
        headers={"Content-Type": "text/xml; charset=utf-8"},
        body=body,
    )


def withheld(world: World) -> str:
    name, password = world.fresh()
    return world.refused(
        name,
        password,
        status=502,
        host="telling.contoso.lab",
        target="/Autodiscover/Autodiscover.xml",
        headers={"Content-Type": "text/xml"},
        body=DISCOVERY.replace(b"NAME", name.encode()),
    )


R = Reason
HEAD = f"POST {PATH}?{query()} HTTP/1.1\r\nHost: {HOST}\r\n".encode()
CASES: dict[Reason, Callable[[World], str]] = {
    R.ALLOWED: allowed,
    R.MALFORMED_REQUEST: lambda w: w.raw(HEAD + b"Host: again\r\n\r\n", 400),
    R.HEAD_TOO_LARGE: lambda w: w.raw(HEAD + b"X: " + b"x" * 5000 + b"\r\n\r\n", 431),
    R.BODY_TOO_LARGE: lambda w: w.raw(HEAD + b"Content-Length: 10001\r\n\r\n", 413),
    R.REQUEST_TIMEOUT: request_timeout,
    R.UNKNOWN_HOST: lambda w: w.refused(status=404, host="elsewhere.example"),
    R.UNKNOWN_PATH: lambda w: w.refused(status=404, target="/owa/"),
    R.ANSWERED_HERE: lambda w: w.refused(
        status=200,
        host=EXCHANGE,
        method="GET",
        target="/autodiscover/autodiscover.json?Email=a@contoso.lab&Protocol=Ews",
    ),
    R.IMPERSONATION_REFUSED: lambda w: asking_ews(w, IMPERSONATION),
    R.EWS_REQUEST_REFUSED: lambda w: asking_ews(w, INSTALLING),
    R.PATH_DENIED: lambda w: w.refused(status=404, host=EXCHANGE, target="/ecp/y.js"),
    R.QUERY_REFUSED: lambda w: w.refused(status=404, host=EXCHANGE, target="/EWS/Exchange.asmx?a=b"),
    R.RPC_OVER_HTTP_REFUSED: lambda w: w.refused(
        host=EXCHANGE, method="RPC_IN_DATA", target="/rpc/rpcproxy.dll?mail:6001"
    ),
    R.WEB_SIGN_IN_MISSING: lambda w: w.refused(host=EXCHANGE, method="GET", target="/owa/"),
    R.METHOD_REFUSED: lambda w: w.refused(status=405, method="GET"),
    R.COMMAND_REFUSED: lambda w: w.refused(status=400, command="Steal"),
    R.DEVICE_ID_MISSING: lambda w: w.refused(status=400, target=f"{PATH}?Cmd=Sync&User=x"),
    R.PROXIED_NTLM: lambda w: w.refused(
        headers={"Authorization": ntlm_field(NtlmClient("a", "b", "c").negotiate()), "Via": "1.1 proxy"}
    ),
    R.TOO_MANY_CONNECTIONS: too_many_connections,
    R.SOURCE_REFUSED: lambda w: w.refused(*w.fresh(), host="near.contoso.lab", source="198.51.100.7"),
    R.CREDENTIAL_MISSING: lambda w: w.refused(status=401),
    R.NTLM_CONTINUE: lambda w: w.refused(
        status=401, headers={"Authorization": ntlm_field(NtlmClient("a", "b", "c").negotiate())}
    ),
    R.CREDENTIAL_WRONG: lambda w: w.refused(w.person(), "abcde-fghij-kmnop-qrstu-vwxyz", status=401),
    R.ACCOUNT_UNKNOWN: lambda w: w.refused("nobody-here", "abcde-fghij-kmnop-qrstu-vwxyz", status=401),
    R.ACCOUNT_LOCKED_OUT: locked_out,
    R.METHOD_NOT_OFFERED: lambda w: w.refused(
        status=401,
        host="basic.contoso.lab",
        headers={"Authorization": ntlm_field(NtlmClient("a", "b", "c").negotiate())},
    ),
    R.APP_PASSWORD_EXPIRED: expired,
    R.APP_PASSWORD_REVOKED: revoked,
    R.NTLM_MALFORMED: lambda w: w.refused(status=401, headers={"Authorization": "NTLM TlRMTVNTUAAHAAAA"}),
    R.NEGOTIATE_MALFORMED: lambda w: w.refused(status=401, headers={"Authorization": "Negotiate YAAA"}),
    R.NTLM_VERSION_REFUSED: lambda w: w.ntlm_refused(change=ntlm_v1),
    R.NTLM_ANONYMOUS: lambda w: w.ntlm_refused(change=ntlm_anonymous),
    R.NTLM_CHALLENGE_UNKNOWN: replayed,
    R.NTLM_MIC_WRONG: lambda w: w.ntlm_refused(change=lambda last: last[:72] + bytes(16) + last[88:]),
    R.NTLM_TIMESTAMP_OFF: lambda w: w.ntlm_refused(now=datetime(2020, 1, 1, tzinfo=UTC)),
    R.CHANNEL_BINDING_MISSING: lambda w: w.ntlm_refused(host="bound.contoso.lab"),
    R.CHANNEL_BINDING_WRONG: lambda w: w.ntlm_refused(channel_binding=b"\x01" * 16),
    R.TARGET_SPN_WRONG: lambda w: w.ntlm_refused(target_name="HTTP/elsewhere.example"),
    R.ACCOUNT_DISABLED: disabled,
    R.PROFILE_REFUSED: lambda w: w.refused(*w.fresh(profile="outlook")),
    R.APP_PASSWORD_UNBOUND: lambda w: without_door(w, stale=False),
    R.APP_PASSWORD_OTHER_DEVICE: lambda w: w.refused(*w.paired(), device="PHONE2"),
    R.COMPANION_STALE: lambda w: without_door(w, stale=True),
    R.DEVICE_UNKNOWN: lambda w: w.refused(*w.fresh(), host="listed.contoso.lab"),
    R.DEVICE_PENDING: lambda w: w.refused(*w.fresh(), host="approval.contoso.lab"),
    R.DEVICE_PENDING_LIMIT: pending_limit,
    R.DEVICE_QUARANTINED: quarantined,
    R.DEVICE_BLOCKED: blocked,
    R.DEVICE_WIPE_PENDING: wipe_pending,
    R.DEVICE_WIPED: wiped,
    R.DEVICE_LIMIT: device_limit,
    R.DEVICE_TYPE_REFUSED: lambda w: w.refused(*w.fresh(), host="rules.contoso.lab", kind="OldPhone"),
    R.USER_AGENT_REFUSED: lambda w: w.refused(*w.fresh(), host="rules.contoso.lab", agent="EvilBot/1"),
    R.PROTOCOL_VERSION_REFUSED: lambda w: w.refused(*w.fresh(), host="rules.contoso.lab", version="2.5"),
    R.DEVICE_MODEL_REFUSED: lambda w: told(w, model="OldPhone 3", system="iOS 17"),
    R.DEVICE_OS_REFUSED: lambda w: told(w, model="Pixel", system="Android 4"),
    R.DEVICE_IMEI_REFUSED: lambda w: told(w, imei="49 015420 323751 8"),
    R.DEVICE_PHONE_NUMBER_REFUSED: lambda w: told(w, phone_number="+1 (900) 555-0100"),
    R.DEVICE_FRIENDLY_NAME_REFUSED: lambda w: told(w, friendly_name="Lent phone 7"),
    R.DEVICE_FACTS_MISSING: lambda w: w.refused(*w.fresh(), host="told.contoso.lab", status=449),
    R.WINDOW_CLOSED: lambda w: w.refused(*w.fresh(), host="window.contoso.lab"),
    R.REVOKED_IN_FLIGHT: revoked_in_flight,
    R.GRANT_EXPIRED: grant_expired,
    R.IDENTITY_UNAVAILABLE: identity_unavailable,
    R.OVERLOADED: overloaded,
    R.BACKEND_UNAVAILABLE: lambda w: w.refused(*w.fresh(), status=502, host="down.contoso.lab"),
    R.BACKEND_TIMEOUT: lambda w: w.refused(*w.fresh(), status=504, host="slow.contoso.lab"),
    R.BACKEND_MALFORMED: lambda w: w.refused(*w.fresh(), status=502, host="broken.contoso.lab"),
    R.ANSWER_WITHHELD: withheld,
    R.BACKEND_SIGN_IN_REFUSED: lambda w: sign_in_refused(w, again=False),
    R.BACKEND_SECRET_MISSING: lambda w: w.refused(*w.fresh(), status=503, host="stored.contoso.lab"),
    R.BACKEND_SECRET_SUSPENDED: lambda w: sign_in_refused(w, again=True),
    R.CLIENT_GONE: client_gone,
    R.SHUTTING_DOWN: shutting_down,
    R.INTERNAL_ERROR: internal_error,
}
IN_A_DOMAIN = {
    R.PROXIED_TICKET,
    R.TICKET_REFUSED,
    R.TICKET_REPLAYED,
    R.KDC_UNAVAILABLE,
    R.DELEGATION_REFUSED,
    R.SERVICE_UNKNOWN_TO_KDC,
    R.TICKET_UNIDENTIFIED,
    R.TICKET_OF_OTHER_ACCOUNT,
    R.CLOCK_SKEW,
    R.KEYTAB_REFUSED,
    R.ACCOUNT_DISABLED_IN_DIRECTORY,
    R.ACCOUNT_LOCKED_IN_DIRECTORY,
    R.ACCOUNT_EXPIRED,
    R.DOMAIN_PASSWORD_EXPIRED,
    R.DOMAIN_PASSWORD_NOT_TRIED,
    R.ACCOUNT_GONE,
    R.ACCESS_REFUSED,
    R.CREDENTIAL_KIND_REFUSED,
    R.DIRECTORY_UNAVAILABLE,
}
"""Reasons that need a domain controller: `test_explain_domain` has their cases."""
GOOD = {Reason.ALLOWED, Reason.ANSWERED_HERE}
CHALLENGES = {Reason.CREDENTIAL_MISSING, Reason.NTLM_CONTINUE}


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in IN_A_DOMAIN])
def test_explain_tells_every_reason(reason: Reason, world: World) -> None:
    assert reason in CASES, "a new reason needs a case here"
    check_explained(world.site, CASES[reason](world), reason)


def check_explained(site: Installation, request_id: str, reason: Reason) -> None:
    """Whether `explain` tells of the request that it ended with that reason, and what its meaning and next step are."""
    assert request_id, "the answer or the log names the request"
    told: dict[str, Any] = {}
    admin = AdminClient(site.folder / "run" / "admin.sock")

    def is_known() -> bool:
        # Gateways report within a second; identity's own word is there before the answer.
        with contextlib.suppress(Exception):
            told.update(admin.call("explain", request_id=request_id))
        return told.get("reason") == reason.value

    try:
        wait_until(is_known, f"{request_id} ends with {reason.value}")
    except TimeoutError as late:
        raise AssertionError(f"{late}; explain says {told.get('reason')!r}") from None
    # The command itself, in this process: sixty interpreters would take a minute to start.
    done = CliRunner().invoke(app, ["explain", request_id, "--settings", str(site.settings)])
    assert done.exit_code == 0, done.stderr
    outcome = "allow" if reason in GOOD else "challenge" if reason in CHALLENGES else "deny"
    lines = done.stdout.splitlines()
    assert lines[0] == f"{request_id}: {outcome}, {reason.value}"
    assert f"meaning  {reason.meaning}" in done.stdout
    assert f"next     {NEXT_STEPS[reason]}" in done.stdout
    stages = told["stages"]
    assert stages, "at least one stage spoke"
    spoke = [stage for stage in stages if stage["outcome"] != "pass"]
    if reason is Reason.ALLOWED:
        assert spoke == []
    else:
        assert {(stage["outcome"], stage["reason"]) for stage in spoke} == {(outcome, reason.value)}
        assert stages[-1] == spoke[-1], "nothing is asked after a refusal"
    for stage in stages:
        shown = [line for line in lines if line.split()[:2] == [stage["stage"], stage["outcome"]]]
        assert shown, f"the stage {stage['stage']} is shown"
        assert stage["rule"] in shown[0]


def test_every_reason_has_its_case() -> None:
    assert {*CASES, *IN_A_DOMAIN} == set(Reason)
    assert not set(CASES) & IN_A_DOMAIN


def test_an_unknown_request_id_is_not_found(world: World) -> None:
    done = world.site.run("explain", "no-such-request")
    assert done.returncode == 4
    assert "no-such-request" in done.stderr


@pytest.mark.alone
def test_a_flood_of_refusals_stays_bounded_and_serves_on(world: World) -> None:
    began = time.monotonic()
    with connection(world.site) as door:
        ids = [send(door, target=f"/scan/{n}").request_id for n in range(FLOOD)]
    seconds = time.monotonic() - began
    wait_until(lambda: is_explained(world, ids[0]), "the first refusal of the flood is explained")
    later: list[str] = []

    def is_a_later_one_explained() -> bool:
        later.append(world.refused(status=404, target="/scan/later"))
        return any(is_explained(world, one) for one in later)

    # What is reported at all is reported in order: whatever came before this one and is not known never will be.
    wait_until(is_a_later_one_explained, "a refusal after the flood is explained", every=0.2)
    explained = sum(is_explained(world, one) for one in ids)
    assert explained <= BURST + PER_SECOND * seconds + 1 < FLOOD, "a flood is told in numbers"
    world.site.wait_for_log_line(" decision ", f"request={ids[-1]}")
    lines = world.site.log_lines(" decision ", "reason=unknown-path ")
    assert set(ids) <= {line.rpartition(" request=")[2].partition(" ")[0] for line in lines}, (
        "the log has each"
    )
    name, password = world.fresh()
    assert ask(world.site, name, password).status == 200


def is_explained(world: World, request_id: str) -> bool:
    try:
        return world.call("explain", request_id=request_id)["reason"] == Reason.UNKNOWN_PATH
    except AdministrationError:
        return False


def test_the_command_tells_a_person_and_a_script_the_same(world: World) -> None:
    name, password = world.paired()
    request_id = world.refused(name, password, device="PHONE2")
    said = world.site.run("explain", request_id)
    assert said.returncode == 0
    told = world.site.cli("explain", request_id)
    assert told["reason"] == "app-password-other-device"
    assert told["meaning"] in said.stdout
    assert told["next_step"] in said.stdout
    assert [stage["stage"] for stage in told["stages"]] == [
        "rule",
        "source",
        "credential",
        "account",
        "access",
        "device",
    ]
