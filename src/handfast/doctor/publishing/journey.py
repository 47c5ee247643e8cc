"""The way of clients to their mail, in their own order: certificate, Autodiscover, then the services it names. Pure.

Without a login only the doors are tried: each must ask for a credential. With one they are opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from handfast.doctor.publishing import doors, presented, signed_in
from handfast.doctor.publishing.questions import (
    AUTODISCOVER,
    CLOSED,
    NOBODY,
    Login,
    ask_autodiscover,
    ask_ews,
    ask_json,
    ask_mapi,
    ask_options,
)
from handfast.doctor.publishing.steps import Explain, Place, Step
from handfast.doctor.publishing.visit import Ask, Seen
from handfast.protocols.autodiscover.schemas import PoxSchema

Asking = Callable[[Ask], Seen]
"""Sends a question to the place's listener."""


def walk(
    place: Place, ask: Asking, *, now: datetime, login: Login | None, explain: Explain
) -> Iterator[Step]:
    """All steps at one place, as far as a client would come."""
    for host in place.hosts:
        seen = ask(ask_options(host))
        if not seen.status and not seen.certificate:
            yield doors.read_silence(place, host, seen)
            return
        yield from presented.read_certificate(place, host, seen, now)
    if place.is_exchange:
        yield from doors.read_finders(place)
        yield from _look_for_servers(place, ask)
    yield from _try_doors(place, ask)
    for path in CLOSED:
        asked = Ask("GET", place.activesync, path)
        yield doors.read_closed(place, asked, ask(asked))
    if login is not None:
        yield from _sign_in(place, ask, login, explain)


def follow_redirect(place: Place, ask: Asking) -> Iterator[Step]:
    """What a listener without TLS says to clients that look for Autodiscover there."""
    asked = Ask("GET", place.finder, AUTODISCOVER)
    yield doors.read_redirect(place, asked, ask(asked))


def _look_for_servers(place: Place, ask: Asking) -> Iterator[Step]:
    for protocol in ("ActiveSync", "Ews"):
        asked = ask_json(place.finder, protocol)
        yield doors.read_json(place, protocol, asked, ask(asked))


def _try_doors(place: Place, ask: Asking) -> Iterator[Step]:
    questions = [("phone", ask_options(place.activesync))]
    if place.is_exchange:
        questions = [
            ("phone, Outlook", ask_autodiscover(place.finder, NOBODY, PoxSchema.OUTLOOK)),
            *questions,
            ("Outlook for Mac", ask_ews(place.ews)),
            ("Outlook", ask_mapi(place.mapi)),
        ]
    for client, asked in questions:
        yield doors.read_door(place, client, asked, ask(asked))


def _sign_in(place: Place, ask: Asking, login: Login, explain: Explain) -> Iterator[Step]:
    """A password that is wrong is tried once: what counts wrong ones would count each door's."""
    asked = ask_options(place.activesync, login)
    options = ask(asked)
    if options.status in {0, 401} or not place.is_exchange:
        yield signed_in.read_options(place, asked, options, explain)
        return
    asked_ews = ask_ews(place.ews, login)
    ews = ask(asked_ews)
    is_phone, is_outlook = options.status == 200, ews.status == 200
    yield from _discover(
        place, ask, login, explain, schemas=_schemas(is_phone=is_phone, is_outlook=is_outlook)
    )
    if options.status == 403 and is_outlook:
        yield signed_in.read_other_profile(place, "phone", asked)
    else:
        yield signed_in.read_options(place, asked, options, explain)
    if ews.status == 403 and is_phone:
        yield signed_in.read_other_profile(place, "Outlook for Mac", asked_ews)
    else:
        yield signed_in.read_ews(place, asked_ews, ews, explain)


def _schemas(*, is_phone: bool, is_outlook: bool) -> list[tuple[str, PoxSchema]]:
    """Who asks with such a password; all where it opened nothing."""
    phone, outlook = ("phone", PoxSchema.MOBILESYNC), ("Outlook", PoxSchema.OUTLOOK)
    if is_phone == is_outlook:
        return [phone, outlook]
    return [phone] if is_phone else [outlook]


def _discover(
    place: Place, ask: Asking, login: Login, explain: Explain, *, schemas: list[tuple[str, PoxSchema]]
) -> Iterator[Step]:
    for client, schema in schemas:
        asked = ask_autodiscover(place.finder, login.address, schema, login)
        if login.address:
            yield signed_in.read_autodiscover(place, client, asked, ask(asked), explain)
        else:
            yield Step(
                place,
                client,
                f"POST https://{place.finder}{AUTODISCOVER}",
                "not asked",
                "name a mail address: --mail",
            )
