"""Decision values as JSON and back: what gateway and identity say to each other.

`decode_x(parse_object(encode_object(encode_x(value)))) == value` for every value; any other object gives
`MalformedMessage`. Secrets travel in here: the bytes go over a Unix socket or mutual TLS and into no log.
"""

from __future__ import annotations

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ClaimedDevice,
    ConnectionCredential,
    Credential,
    Facts,
    NoCredential,
    NtlmCredential,
    TicketCredential,
)
from handfast.decision.outcome import Decision, Grant, Outcome, PhoneWords, WipeOrder
from handfast.decision.ports import (
    BackendAuthorization,
    GatewayEvent,
    IssuedChallenge,
    WipeProgress,
    WipeReport,
)
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.identity.policies import PhoneRefusals
from handfast.identity.records import AccountId, AppPasswordId, StageTrace, WipeKind
from handfast.identity_api.fields import PROTOCOL, Fields, to_base64
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.spnego.tokens import MAX_TOKEN_BYTES

MAX_BINDING_BYTES = 256
"""The prefix of RFC 5929 4 and the longest hash there is take 85."""
MAX_WIPE_STATUS = 65_535
"""What a device may say came of its wipe; the schema keeps a small number."""

_BASIC = frozenset({"kind", "login", "secret"})
_NTLM = frozenset({"kind", "challenge_id", "connection_id", "negotiate", "authenticate", "channel_binding"})
_TICKET = frozenset({"kind", "token", "connection_id", "channel_binding"})
_CONNECTION = frozenset({"kind", "connection_id", "session"})
_NONE = frozenset({"kind"})
_DEVICE = frozenset({"device_id", "device_type"})
_FACTS = frozenset({"user_agent", "protocol_version", "claimed_user"})
_ACCESS = frozenset(
    {
        "request_id",
        "node",
        "listener",
        "source",
        "publication",
        "rule",
        "channel",
        "credential",
        "host",
        "device",
        "facts",
        "command",
        "request_line",
    }
)
_GRANT = frozenset(
    {
        "grant_id",
        "publication",
        "account_id",
        "principal",
        "epoch",
        "lifetime_seconds",
        "device_id",
        "app_password_id",
        "node",
        "session",
    }
)
_DECISION = frozenset(
    {
        "outcome",
        "reason",
        "grant",
        "stages",
        "retry_after_seconds",
        "delay_seconds",
        "login",
        "authorization",
        "wipe",
        "telling",
        "is_repeat",
        "answer_token",
        "phone_words",
    }
)
_WIPE = frozenset({"kind", "note"})
_PHONE_WORDS = frozenset({"refusals", "quarantine_message"})
_WIPE_REPORT = frozenset({"note", "progress", "status", "node"})
_STAGE = frozenset({"stage", "outcome", "reason", "rule", "detail"})
_CHALLENGE = frozenset({"challenge_id", "message"})
_AUTHORIZATION = frozenset({"headers", "version", "handle", "is_single_use"})
_EVENT = frozenset({"name", "publication", "source", "count", "details"})


def encode_access_request(request: AccessRequest) -> dict[str, object]:
    """What `evaluate` sends."""
    device = request.device
    facts = request.facts
    return {
        "request_id": request.request_id,
        "node": request.node,
        "listener": request.listener,
        "source": request.source,
        "publication": request.publication,
        "rule": request.rule,
        "channel": request.channel,
        "credential": encode_credential(request.credential),
        "host": request.host,
        "device": None
        if device is None
        else {"device_id": device.device_id, "device_type": device.device_type},
        "facts": {
            "user_agent": facts.user_agent,
            "protocol_version": facts.protocol_version,
            "claimed_user": facts.claimed_user,
        },
        "command": request.command,
        "request_line": request.request_line,
    }


def decode_access_request(value: object) -> AccessRequest:
    """Raises: MalformedMessage."""
    fields = Fields("request", value, _ACCESS)
    return AccessRequest(
        request_id=fields.text("request_id"),
        node=fields.text("node"),
        listener=fields.text("listener"),
        source=fields.text("source"),
        publication=fields.text("publication"),
        rule=fields.text("rule"),
        channel=fields.member("channel", Channel),
        credential=decode_credential(fields.raw("credential")),
        host=fields.text("host"),
        device=_decode_device(fields.raw("device")),
        facts=_decode_facts(fields.raw("facts")),
        command=fields.text("command"),
        request_line=fields.text("request_line"),
    )


def encode_credential(credential: Credential) -> dict[str, object]:
    """One object for each kind, told apart by `kind`."""
    match credential:
        case BasicCredential():
            return {"kind": "basic", "login": credential.login, "secret": credential.secret}
        case ConnectionCredential():
            return {
                "kind": "connection",
                "connection_id": credential.connection_id,
                "session": to_base64(credential.session),
            }
        case NtlmCredential():
            return {
                "kind": "ntlm",
                "challenge_id": credential.challenge_id,
                "connection_id": credential.connection_id,
                "negotiate": to_base64(credential.negotiate),
                "authenticate": to_base64(credential.authenticate),
                "channel_binding": to_base64(credential.channel_binding),
            }
        case TicketCredential():
            return {
                "kind": "ticket",
                "token": to_base64(credential.token),
                "connection_id": credential.connection_id,
                "channel_binding": to_base64(credential.channel_binding),
            }
        case NoCredential():
            return {"kind": "none"}


def decode_credential(value: object) -> Credential:
    """Raises: MalformedMessage."""
    match value:
        case {"kind": "basic"}:
            fields = Fields("credential", value, _BASIC)
            return BasicCredential(login=fields.text("login"), secret=fields.text("secret"))
        case {"kind": "connection"}:
            fields = Fields("credential", value, _CONNECTION)
            return ConnectionCredential(
                connection_id=fields.text("connection_id"), session=fields.octets("session")
            )
        case {"kind": "ntlm"}:
            fields = Fields("credential", value, _NTLM)
            return NtlmCredential(
                challenge_id=fields.text("challenge_id"),
                connection_id=fields.text("connection_id"),
                negotiate=fields.octets("negotiate"),
                authenticate=fields.octets("authenticate"),
                channel_binding=fields.octets("channel_binding"),
            )
        case {"kind": "ticket"}:
            fields = Fields("credential", value, _TICKET)
            return TicketCredential(
                token=fields.octets("token", at_most=MAX_TOKEN_BYTES),
                connection_id=fields.text("connection_id"),
                channel_binding=fields.octets("channel_binding", at_most=MAX_BINDING_BYTES),
            )
        case {"kind": "none"}:
            Fields("credential", value, _NONE)
            return NoCredential()
        case _:
            raise MalformedMessage(PROTOCOL, "credential", "of no known kind")


def encode_decision(decision: Decision, *, with_stages: bool = True) -> dict[str, object]:
    """Without stages a gateway learns the outcome and its reason, and nothing of how identity came to it."""
    return {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "grant": None if decision.grant is None else encode_grant(decision.grant),
        "stages": [_encode_stage(stage) for stage in decision.stages] if with_stages else [],
        "retry_after_seconds": decision.retry_after_seconds,
        "delay_seconds": decision.delay_seconds,
        "login": decision.login,
        "authorization": None
        if decision.authorization is None
        else encode_authorization(decision.authorization),
        "wipe": None
        if decision.wipe is None
        else {"kind": decision.wipe.kind, "note": to_base64(decision.wipe.note)},
        "telling": to_base64(decision.telling),
        "is_repeat": decision.is_repeat,
        "answer_token": to_base64(decision.answer_token),
        "phone_words": None if decision.phone_words is None else _encode_words(decision.phone_words),
    }


def decode_decision(value: object) -> Decision:
    """Raises: MalformedMessage, also where a grant comes without ALLOW, ALLOW without one, or with what a denial brings."""
    fields = Fields("decision", value, _DECISION)
    outcome = fields.member("outcome", Outcome)
    grant = fields.raw("grant")
    if (outcome is Outcome.ALLOW) is (grant is None):
        raise MalformedMessage(PROTOCOL, "decision.grant", "is there exactly when the outcome is allow")
    authorization = fields.raw("authorization")
    if authorization is not None and grant is None:
        raise MalformedMessage(PROTOCOL, "decision.authorization", "comes with a grant alone")
    wipe = fields.raw("wipe")
    if wipe is not None and grant is not None:
        raise MalformedMessage(PROTOCOL, "decision.wipe", "comes with a denial alone")
    telling = fields.octets("telling")
    if telling and grant is not None:
        raise MalformedMessage(PROTOCOL, "decision.telling", "comes with a denial alone")
    answer_token = fields.octets("answer_token")
    if answer_token and grant is None:
        raise MalformedMessage(PROTOCOL, "decision.answer_token", "comes with a grant alone")
    phone_words = fields.raw("phone_words")
    if phone_words is not None and grant is not None:
        raise MalformedMessage(PROTOCOL, "decision.phone_words", "come with a denial alone")
    return Decision(
        outcome=outcome,
        reason=fields.member("reason", Reason),
        grant=None if grant is None else decode_grant(grant),
        stages=tuple(_decode_stage(stage) for stage in fields.items("stages")),
        retry_after_seconds=fields.optional_integer("retry_after_seconds"),
        delay_seconds=fields.number("delay_seconds"),
        login=fields.text("login"),
        authorization=None if authorization is None else decode_authorization(authorization),
        wipe=None if wipe is None else _decode_wipe(wipe),
        telling=telling,
        is_repeat=fields.flag("is_repeat"),
        answer_token=answer_token,
        phone_words=None if phone_words is None else _decode_words(phone_words),
    )


def _encode_words(words: PhoneWords) -> dict[str, object]:
    return {"refusals": words.refusals, "quarantine_message": words.quarantine_message}


def _decode_words(value: object) -> PhoneWords:
    fields = Fields("phone_words", value, _PHONE_WORDS)
    return PhoneWords(fields.member("refusals", PhoneRefusals), fields.text("quarantine_message"))


def _decode_wipe(value: object) -> WipeOrder:
    fields = Fields("wipe", value, _WIPE)
    kind = fields.member("kind", WipeKind)
    if kind is WipeKind.NONE:
        raise MalformedMessage(PROTOCOL, "wipe.kind", "orders nothing")
    return WipeOrder(kind, fields.octets("note"))


def encode_wipe_report(report: WipeReport) -> dict[str, object]:
    """How far a wipe has come."""
    return {
        "note": to_base64(report.note),
        "progress": report.progress,
        "status": report.status,
        "node": report.node,
    }


def decode_wipe_report(value: object) -> WipeReport:
    """Raises: MalformedMessage."""
    fields = Fields("wipe-report", value, _WIPE_REPORT)
    status = fields.integer("status")
    if status > MAX_WIPE_STATUS:
        raise MalformedMessage(PROTOCOL, "wipe-report.status", f"above {MAX_WIPE_STATUS}")
    return WipeReport(
        fields.octets("note"),
        fields.member("progress", WipeProgress),
        status,
        fields.text("node"),
    )


def encode_grant(grant: Grant) -> dict[str, object]:
    """Every field of a grant."""
    return {
        "grant_id": grant.grant_id,
        "publication": grant.publication,
        "account_id": grant.account_id,
        "principal": grant.principal,
        "epoch": grant.epoch,
        "lifetime_seconds": grant.lifetime_seconds,
        "device_id": grant.device_id,
        "app_password_id": grant.app_password_id,
        "node": grant.node,
        "session": to_base64(grant.session),
    }


def decode_grant(value: object) -> Grant:
    """Raises: MalformedMessage."""
    fields = Fields("grant", value, _GRANT)
    app_password_id = fields.optional_integer("app_password_id")
    return Grant(
        grant_id=fields.text("grant_id"),
        publication=fields.text("publication"),
        account_id=AccountId(fields.integer("account_id")),
        principal=fields.text("principal"),
        epoch=fields.integer("epoch"),
        lifetime_seconds=fields.number("lifetime_seconds"),
        device_id=fields.optional_text("device_id"),
        app_password_id=None if app_password_id is None else AppPasswordId(app_password_id),
        node=fields.text("node"),
        session=fields.octets("session"),
    )


def encode_challenge(challenge: IssuedChallenge) -> dict[str, object]:
    """An NTLM challenge for a gateway."""
    return {"challenge_id": challenge.challenge_id, "message": to_base64(challenge.message)}


def decode_challenge(value: object) -> IssuedChallenge:
    """Raises: MalformedMessage."""
    fields = Fields("challenge", value, _CHALLENGE)
    return IssuedChallenge(challenge_id=fields.text("challenge_id"), message=fields.octets("message"))


def encode_authorization(authorization: BackendAuthorization) -> dict[str, object]:
    """Headers as Base64 pairs: their values need not be text."""
    return {
        "headers": [[to_base64(name), to_base64(value)] for name, value in authorization.headers],
        "version": authorization.version,
        "handle": authorization.handle,
        "is_single_use": authorization.is_single_use,
    }


def decode_authorization(value: object) -> BackendAuthorization:
    """Raises: MalformedMessage."""
    fields = Fields("authorization", value, _AUTHORIZATION)
    headers = []
    for item in fields.items("headers"):
        name, content = _pair("authorization.headers", item)
        pair = Fields("authorization.header", {"name": name, "value": content}, _NAME_VALUE)
        headers.append((pair.octets("name"), pair.octets("value")))
    return BackendAuthorization(
        headers=tuple(headers),
        version=fields.text("version"),
        handle=fields.text("handle"),
        is_single_use=fields.flag("is_single_use"),
    )


def encode_event(event: GatewayEvent) -> dict[str, object]:
    """One of a batch of events."""
    return {
        "name": event.name,
        "publication": event.publication,
        "source": event.source,
        "count": event.count,
        "details": [list(pair) for pair in event.details],
    }


def decode_event(value: object) -> GatewayEvent:
    """Raises: MalformedMessage."""
    fields = Fields("event", value, _EVENT)
    details = []
    for item in fields.items("details"):
        name, content = _pair("event.details", item)
        pair = Fields("event.detail", {"name": name, "value": content}, _NAME_VALUE)
        details.append((pair.text("name"), pair.text("value")))
    return GatewayEvent(
        name=fields.text("name"),
        publication=fields.text("publication"),
        source=fields.text("source"),
        count=fields.integer("count"),
        details=tuple(details),
    )


def _decode_device(value: object) -> ClaimedDevice | None:
    if value is None:
        return None
    fields = Fields("device", value, _DEVICE)
    return ClaimedDevice(device_id=fields.text("device_id"), device_type=fields.text("device_type"))


def _decode_facts(value: object) -> Facts:
    fields = Fields("facts", value, _FACTS)
    return Facts(
        user_agent=fields.text("user_agent"),
        protocol_version=fields.text("protocol_version"),
        claimed_user=fields.text("claimed_user"),
    )


def _encode_stage(stage: StageTrace) -> dict[str, object]:
    return {
        "stage": stage.stage,
        "outcome": stage.outcome,
        "reason": stage.reason,
        "rule": stage.rule,
        "detail": stage.detail,
    }


def _decode_stage(value: object) -> StageTrace:
    fields = Fields("stage", value, _STAGE)
    return StageTrace(
        stage=fields.text("stage"),
        outcome=fields.text("outcome"),
        reason=fields.text("reason"),
        rule=fields.text("rule"),
        detail=fields.text("detail"),
    )


_NAME_VALUE = frozenset({"name", "value"})


def _pair(where: str, item: object) -> tuple[object, object]:
    if not isinstance(item, list) or len(item) != 2:
        raise MalformedMessage(PROTOCOL, where, "no pair")
    return item[0], item[1]
