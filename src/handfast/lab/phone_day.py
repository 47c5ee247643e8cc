"""A phone's ordinary day, told in short lines: sign in once, then wait for mail for ever."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from handfast.lab.phone import PhoneAnswer, SimulatedPhone
from handfast.protocols.errors import MalformedMessage

Say = Callable[[str], None]

_MEANING = {
    400: "the gateway finds my request malformed",
    401: "my password is not accepted",
    403: "this device may not use the account",
    449: "I must provision first",
    503: "try again later",
}
_PING_EXPIRED = 1
_PING_CHANGES = 2
_PING_OUT_OF_RANGE = 5


async def run_phone(phone: SimulatedPhone, say: Say, *, heartbeat: int = 300, pause: float = 10) -> None:
    """Runs until cancelled. `heartbeat` and `pause` (after a refusal or a lost connection) are in seconds.

    A refusal or a lost connection is told and the day begins anew after `pause`, as a phone's owner would see it.
    """
    try:
        while True:
            try:
                await _one_day(phone, say, heartbeat)
            except (ConnectionError, ssl.SSLError) as error:
                say(f"connection lost: {error}")
            except MalformedMessage as error:
                say(f"an answer I cannot read: {error}")
            await asyncio.sleep(pause)
    finally:
        await phone.close()


async def _one_day(phone: SimulatedPhone, say: Say, heartbeat: int) -> None:
    """Returns where the server refuses."""
    for name, step in (
        ("OPTIONS", phone.options),
        ("Provision", phone.provision),
        ("FolderSync", phone.folder_sync),
    ):
        answer = await step()
        say(_line(name, answer))
        if not answer.ok:
            return
    while await _synchronised(phone, say):
        say(f"Ping: waiting up to {heartbeat} s for mail")
        answer = await phone.ping(heartbeat)
        say(_line("Ping", answer))
        if answer.status == _PING_OUT_OF_RANGE and answer.document:
            heartbeat = int(answer.document.text_at("HeartbeatInterval") or heartbeat)
        if not answer.ok or answer.status not in (_PING_EXPIRED, _PING_CHANGES, _PING_OUT_OF_RANGE):
            return  # Asking again at once would be a loop without rest.


async def _synchronised(phone: SimulatedPhone, say: Say) -> bool:
    if not phone.inbox:
        say("FolderSync showed no inbox")
        return False
    answer, new = await phone.sync()
    say(_line("Sync", answer))
    for mail in new:
        say(f"new mail from {mail.sender}: {mail.subject}")
    return answer.ok


def _line(name: str, answer: PhoneAnswer) -> str:
    if not answer.ok:
        return f"{name}: HTTP {answer.http_status}, {_MEANING.get(answer.http_status, 'refused')}"
    if name == "Ping" and answer.status == _PING_CHANGES:
        return "Ping: something has changed"
    return f"{name}: ok" + (f", status {answer.status}" if answer.status > 1 else "")
