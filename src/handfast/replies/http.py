"""Reason to HTTP answer. Short neutral text: what an attacker could learn from it is what the status says anyway.

The answer carries no framing: the gateway adds Content-Length and Connection, because only it knows the method (HEAD)
and version of the request. Source: RFC 9110 15, 10.2.3 (Retry-After), 10.2.1 (Allow), 11.6.1 (WWW-Authenticate).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel
from handfast.replies import activesync
from handfast.replies.families import Family, family_of
from handfast.replies.web_page import WEB_PAGE, WEB_PAGE_HEADERS

DEFAULT_RETRY_AFTER_SECONDS = 30
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer without framing; `close` says that the connection ends after it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    close: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a family gets by plain HTTP."""

    status: int
    text: str
    close: bool = False
    retries: bool = False


def render(
    reason: Reason,
    channel: Channel | None,
    *,
    challenges: Sequence[bytes] = (),
    retry_after: int | None = None,
    request_id: str,
    status: int | None = None,
    allow: Sequence[bytes] = (),
) -> Reply:
    """The answer to a refused request.

    `channel` is None where no rule was found yet. `challenges` are values of WWW-Authenticate, in order, used with 401
    alone; `allow` the methods a rule takes, used with 405 alone; `status` is what `MalformedMessage` asks for (400 to
    599), used where the request itself, or the command in it, is malformed.

    Raises: ValueError for ALLOWED (nothing to refuse), and for a request id that is not ours.
    """
    if not _REQUEST_ID.fullmatch(request_id):
        raise ValueError("a request id is 1 to 128 of A-Z a-z 0-9 . _ : -")
    family = family_of(reason)
    answer = _answer(family)
    code = _status(family, channel, answer.status, status)
    is_page = family is Family.WEB_PAGE
    headers: list[tuple[bytes, bytes]] = [
        *(WEB_PAGE_HEADERS if is_page else ((b"Content-Type", b"text/plain; charset=utf-8"),)),
        (b"Cache-Control", b"no-store"),
        (b"X-Request-Id", request_id.encode("ascii")),
    ]
    if code == 401:
        headers.extend((b"WWW-Authenticate", challenge) for challenge in challenges)
    if code == 405:
        headers.append((b"Allow", b", ".join(allow)))
    if answer.retries:
        seconds = DEFAULT_RETRY_AFTER_SECONDS if retry_after is None else max(0, retry_after)
        headers.append((b"Retry-After", str(seconds).encode("ascii")))
    body = WEB_PAGE if is_page else answer.text.encode() + b"\n"
    return Reply(code, tuple(headers), body, answer.close)


def _status(family: Family, channel: Channel | None, http_status: int, asked: int | None) -> int:
    if family in (Family.MALFORMED, Family.COMMAND) and asked is not None:
        if not 400 <= asked <= 599:
            raise ValueError(f"{asked} is not the status of a refusal")
        return asked
    match channel:
        case Channel.ACTIVESYNC:
            return activesync.status_of(family, http_status)
        case (
            None
            | Channel.AUTODISCOVER
            | Channel.EWS
            | Channel.MAPI
            | Channel.OAB
            | Channel.LYNCDISCOVER
            | Channel.WEB_TICKET
            | Channel.UCWA
            | Channel.SIP
            | Channel.WEB
        ):
            return http_status
        case _:
            assert_never(channel)


def _answer(family: Family) -> _Answer:  # noqa: C901, PLR0912 - one arm a family, none of them nested
    match family:
        case Family.ALLOWED:
            raise ValueError("an allowed request is forwarded, not answered")
        case Family.MALFORMED:
            return _Answer(400, "The request can't be read.", close=True)
        case Family.HEAD_TOO_LARGE:
            return _Answer(431, "The request's header fields are too large.", close=True)
        case Family.BODY_TOO_LARGE:
            return _Answer(413, "The request is too large.", close=True)
        case Family.TOO_SLOW:
            return _Answer(408, "The request did not arrive in time.", close=True)
        case Family.NOT_FOUND:
            return _Answer(404, "Not found.")
        case Family.WEB_PAGE:
            return _Answer(403, "Web access comes with sign-in pages.")
        case Family.METHOD:
            return _Answer(405, "The method is not allowed here.")
        case Family.COMMAND:
            return _Answer(403, "The command is not allowed.")
        case Family.DEVICE_ID:
            return _Answer(400, "The request names no device.")
        case Family.CREDENTIAL:
            return _Answer(401, "Sign-in required.")
        case Family.FORBIDDEN:
            return _Answer(403, "Access refused. Your administrator can explain it by the request id.")
        case Family.CUT:
            return _Answer(
                403, "Access refused. Your administrator can explain it by the request id.", close=True
            )
        case Family.OURS:
            return _Answer(503, "The service can't answer now. Try again later.", retries=True)
        case Family.STOPPING:
            return _Answer(503, "The service can't answer now. Try again later.", close=True, retries=True)
        case Family.INTERNAL:
            return _Answer(500, "The service can't answer now. Try again later.", retries=True)
        case Family.BACKEND_DOWN:
            return _Answer(502, "The server behind can't answer now. Try again later.", retries=True)
        case Family.BACKEND_SLOW:
            return _Answer(504, "The server behind did not answer in time.", retries=True)
        case Family.GONE:
            # Nobody reads it; it stands here so that every reason has an answer.
            return _Answer(400, "The request was not completed.", close=True)
        case _:
            assert_never(family)
