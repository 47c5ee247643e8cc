"""A gateway's end of the gateway API: identity's ports, each call a round trip."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import Decision, Grant
from handfast.decision.ports import (
    BackendAuthorization,
    BackendSignInRefused,
    GatewayEvent,
    IssuedChallenge,
    RevocationBatch,
    WipeReport,
)
from handfast.decision.reasons import Reason
from handfast.decision.reported import FACTS_EVENT
from handfast.identity.ports import Unavailable
from handfast.identity_api.client_connection import StreamConnection
from handfast.identity_api.client_pool import (
    CALL_SECONDS,
    Address,
    ConnectionPool,
    ProcessGone,
    TlsAddress,
    UnixAddress,
)
from handfast.identity_api.codec import (
    decode_authorization,
    decode_challenge,
    decode_decision,
    encode_access_request,
    encode_event,
    encode_grant,
    encode_wipe_report,
)
from handfast.identity_api.fields import Fields, encode_object, parse_object, to_base64
from handfast.identity_api.revocation_codec import decode_batch
from handfast.identity_api.sign_in_calls import (
    AuthorizeCall,
    ConfirmCall,
    encode_authorize_call,
    encode_confirm_call,
)
from handfast.identity_api.wire import MAX_BODY_BYTES, encode_request
from handfast.observability.logging import event_log
from handfast.protocols.errors import MalformedMessage

SILENCE_SECONDS = 3.0
"""Three heartbeats: without them identity counts as unreachable."""
EVENTS_EVERY_SECONDS = 1.0
URGENT_EVENTS = frozenset({FACTS_EVENT})
"""A phone that said what it is goes on at once, and is refused until identity has heard it: these are sent at once."""
MAX_EVENT_KINDS = 500
"""Different events kept until they are sent; what would be more is counted and reported as one."""
MAX_BATCH_BYTES = MAX_BODY_BYTES // 2
"""Of the events in one call, about; one event has some 20 KiB at most, where a device tells much in odd letters."""
EVENTS_LOST = "events-lost"

EventKey = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Name, publication, source, details: what events of one kind share."""

_LOG = event_log("identity-api")
_MALFORMED = frozenset({"protocol", "field", "problem", "source", "status"})


class IdentityClient:
    """`Decider`, `BackendSignIn`, `DeviceReports`, `RevocationSource` and `AuditSink` over a socket to identity.

    Every failure of the link is `Unavailable`; what identity says itself (MalformedMessage of a client's NTLM,
    BackendSignInRefused with its reason) passes. Connections are made when needed and again when lost.
    """

    def __init__(self, address: Address, *, node: str = "local", call_seconds: float = CALL_SECONDS) -> None:
        self._address = address
        self._node = node
        self._pool = ConnectionPool(address, call_seconds=call_seconds)
        # A sign-in behind may wait for a KDC: its calls must not keep decisions from having a connection.
        self._behind = ConnectionPool(address, call_seconds=call_seconds)
        self._call_seconds = call_seconds
        self._events: dict[EventKey, int] = {}
        self._sending: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    @classmethod
    def over_unix(cls, path: Path, *, node: str = "local") -> IdentityClient:
        """Identity on this machine."""
        return cls(UnixAddress(path), node=node)

    @classmethod
    def over_tls(cls, url: str, context: ssl.SSLContext, *, node: str) -> IdentityClient:
        """Identity on another machine; `node` is the name in this node's certificate. Raises: ValueError."""
        return cls(TlsAddress.parse(url, context), node=node)

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        """Raises: Unavailable; MalformedMessage where the client's message is."""
        body: dict[str, object] = {
            "publication": publication,
            "connection_id": connection_id,
            "negotiate": to_base64(negotiate),
        }
        answer = await self._call("/v1/challenge", body, passes_malformed=True)
        try:
            return decode_challenge(answer)
        except MalformedMessage as problem:
            raise _garbled(problem) from problem

    async def evaluate(self, request: AccessRequest) -> Decision:
        """Raises: Unavailable."""
        answer = await self._call("/v1/evaluate", encode_access_request(request))
        try:
            return decode_decision(answer)
        except MalformedMessage as problem:
            raise _garbled(problem) from problem

    async def authorize(self, grant: Grant, channel_binding: bytes = b"") -> BackendAuthorization:
        """Raises: BackendSignInRefused, Unavailable."""
        call = AuthorizeCall(grant, channel_binding)
        try:
            answer = await self._call_maker("/v1/authorize", encode_authorize_call(call), grant, self._behind)
        except ProcessGone:
            # Nobody else knows the grant; another process gives a new one, once no call goes to this one any more.
            self._pool.leave(grant.origin)
            raise BackendSignInRefused(Reason.GRANT_EXPIRED) from None
        try:
            return decode_authorization(answer)
        except MalformedMessage as problem:
            raise _garbled(problem) from problem

    async def confirm(self, grant: Grant, handle: str, token: bytes) -> bool:
        """Raises: BackendSignInRefused, Unavailable; the latter also where the process that made the ticket is gone."""
        call = ConfirmCall(grant, handle, token)
        answer = await self._call_maker("/v1/confirm", encode_confirm_call(call), grant, self._behind)
        try:
            return Fields("answer", answer, frozenset({"proven"})).flag("proven")
        except MalformedMessage as problem:
            raise _garbled(problem) from problem

    async def report_refused(self, grant: Grant, version: str) -> None:
        """Raises: Unavailable (report it again: it counts once)."""
        body: dict[str, object] = {"grant": encode_grant(grant), "version": version}
        await self._call_maker("/v1/refused", body, grant, self._pool)

    async def report_wipe(self, report: WipeReport) -> bool:
        """Raises: Unavailable (report it again: each step is stored once). The node is this client's own."""
        answer = await self._call("/v1/wipe", encode_wipe_report(replace(report, node=self._node)))
        try:
            return Fields("answer", answer, frozenset({"stored"})).flag("stored")
        except MalformedMessage as problem:
            raise _garbled(problem) from problem

    async def revocations(self, after_epoch: int) -> AsyncIterator[RevocationBatch]:
        """The stream from `after_epoch` on; ends only with Unavailable. Close it (`aclosing`) to leave early."""
        try:
            async with asyncio.timeout(self._call_seconds):
                stream = await self._address.connect(StreamConnection)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"identity can't be reached: {error}") from error
        try:
            stream.send(encode_request("GET", f"/v1/revocations?after={after_epoch}"))
            while True:
                line = await stream.next_line(SILENCE_SECONDS)
                try:
                    batch = decode_batch(parse_object(line))
                except MalformedMessage as problem:
                    raise _garbled(problem) from problem
                yield batch
        finally:
            stream.abort()

    def record(self, event: GatewayEvent) -> None:
        """Keeps the event, adds it to its like, and sends all of them within a second."""
        key = (event.name, event.publication, event.source, event.details)
        if key not in self._events and len(self._events) >= MAX_EVENT_KINDS:
            key = (EVENTS_LOST, "", "", ())
        self._events[key] = self._events.get(key, 0) + event.count
        if event.name in URGENT_EVENTS:
            self._hurry.set()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_events())

    async def close(self) -> None:
        """Sends what is left of the events, as far as identity takes it, and cuts all connections."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._events:
            await self._flush_events()
        self._pool.close()
        self._behind.close()

    async def _send_events(self) -> None:
        while self._events:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVENTS_EVERY_SECONDS):
                    await self._hurry.wait()
            self._hurry.clear()
            await self._flush_events()

    async def _flush_events(self) -> None:
        taken, self._events = self._events, {}
        while taken:
            keys, events = _first_batch(taken)
            try:
                await self._call("/v1/events", {"node": self._node, "events": events})
            except Unavailable as problem:
                _LOG.debug("events-kept", why=str(problem))
                for key, count in taken.items():
                    self._events[key] = self._events.get(key, 0) + count
                return
            for key in keys:
                del taken[key]

    async def _call(
        self, path: str, body: dict[str, object], *, passes_malformed: bool = False
    ) -> dict[str, object]:
        answer = await self._pool.call(encode_request("POST", path, encode_object(body)))
        return _read(answer, passes_malformed=passes_malformed)

    async def _call_maker(
        self, path: str, body: dict[str, object], grant: Grant, pool: ConnectionPool
    ) -> dict[str, object]:
        """Asks the process that made the grant: to every other it is unknown."""
        request = encode_request("POST", path, encode_object(body))
        return _read(await pool.call(request, process=grant.origin))


def _read(answer: tuple[int, bytes], *, passes_malformed: bool = False) -> dict[str, object]:
    """The object of a good answer. Raises: what any other means."""
    status, content = answer
    try:
        found = parse_object(content)
        if status == 200:
            return found
        failure = _failure(status, found)
    except MalformedMessage as problem:
        raise _garbled(problem) from problem
    if isinstance(failure, MalformedMessage) and not passes_malformed:
        raise Unavailable(str(failure))
    raise failure


def _first_batch(taken: Mapping[EventKey, int]) -> tuple[list[EventKey], list[dict[str, object]]]:
    """As many events as one call may hold, and at least one."""
    keys: list[EventKey] = []
    events: list[dict[str, object]] = []
    size = 0
    for key, count in taken.items():
        name, publication, source, details = key
        event = encode_event(GatewayEvent(name, publication, source, count, details))
        size += len(encode_object(event))
        if events and size > MAX_BATCH_BYTES:
            break
        keys.append(key)
        events.append(event)
    return keys, events


def _failure(status: int, answer: dict[str, object]) -> Exception:
    """What an answer other than 200 means. Raises: MalformedMessage where it can't be read."""
    match status:
        case 409:
            fields = Fields("refusal", answer, frozenset({"error", "reason"}))
            return BackendSignInRefused(fields.member("reason", Reason))
        case 422:
            fields = Fields("refusal", answer, _MALFORMED)
            return MalformedMessage(
                fields.text("protocol"),
                fields.text("field"),
                fields.text("problem"),
                fields.text("source"),
                status=fields.integer("status"),
            )
        case _:
            return Unavailable(
                f"identity answered {status}: {answer.get('message', answer.get('error', ''))}"
            )


def _garbled(problem: MalformedMessage) -> Unavailable:
    return Unavailable(f"identity's answer can't be read: {problem}")
