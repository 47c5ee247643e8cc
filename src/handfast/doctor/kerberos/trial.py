"""A trial for one account: a ticket for each service, and one request with it to each back end.

The request is an OPTIONS of the published path, as harmless as there is; any answer but 401 says that the server could
read the ticket. Each back end gets a token of its own, bound to that very connection.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator

from cryptography import x509

from handfast.doctor.kerberos.facts import AnswerTrial, TicketTrial, Trial
from handfast.doctor.probes import ANSWER_SECONDS, BackendTrouble, open_backend, parse_head, read_head
from handfast.identity.directory.domain_account import DomainAccount
from handfast.protocols.ntlm.channel_bindings import certificate_hash_name
from handfast.settings.publication import PublicationSettings

BINDING_PREFIX = b"tls-server-end-point:"


class NoTicket(Exception):
    """There is no ticket for that account and service; says why, in the library's words."""


TokenMaker = Callable[[DomainAccount, str, bytes], bytes]
"""(account, SPN, channel binding) to a SPNEGO token. Raises: NoTicket."""


def try_services(
    login: str, person: DomainAccount | None, publications: Iterable[PublicationSettings], make: TokenMaker
) -> Trial:
    """Everything for one account; services whose ticket is refused are not asked."""
    if person is None:
        return Trial(login, None)
    tickets: dict[str, TicketTrial] = {}
    answers: list[AnswerTrial] = []
    for publication in publications:
        spn = publication.backend.spn
        if spn not in tickets:
            tickets[spn] = _try_ticket(person, spn, make)
        if not tickets[spn].problem:
            answers += _ask_all(person, publication, make)
    return Trial(login, person, tuple(tickets.values()), tuple(answers))


def _try_ticket(person: DomainAccount, spn: str, make: TokenMaker) -> TicketTrial:
    try:
        make(person, spn, b"")
    except NoTicket as problem:
        return TicketTrial(spn, str(problem))
    return TicketTrial(spn)


def _ask_all(
    person: DomainAccount, publication: PublicationSettings, make: TokenMaker
) -> Iterator[AnswerTrial]:
    for url in publication.backend.urls:
        try:
            status = _ask(url, person, publication, make)
        except (BackendTrouble, NoTicket, OSError) as problem:
            yield AnswerTrial(publication.name, url, None, str(problem) or "silent")
            continue
        said = "" if status else "it does not answer in HTTP"
        yield AnswerTrial(publication.name, url, status or None, said)


def _ask(url: str, person: DomainAccount, publication: PublicationSettings, make: TokenMaker) -> int:
    backend = publication.backend
    path = backend.path or "/Microsoft-Server-ActiveSync"
    deadline = time.monotonic() + backend.connect_timeout_seconds + ANSWER_SECONDS
    with open_backend(url, backend) as (connection, certificate):
        token = make(person, backend.spn, server_end_point(certificate))
        request = (
            f"OPTIONS {path} HTTP/1.1\r\nHost: {backend.host or publication.hosts[0]}\r\n"
            f"Authorization: Negotiate {base64.b64encode(token).decode('ascii')}\r\n"
            "User-Agent: handfast-doctor\r\nConnection: close\r\n\r\n"
        )
        connection.settimeout(ANSWER_SECONDS)
        connection.sendall(request.encode("ascii"))
        return parse_head(read_head(connection, deadline))[0]


def server_end_point(certificate: bytes) -> bytes:
    """The channel binding's application data for a certificate (DER), b"" without one. Source: RFC 5929 4.1."""
    if not certificate:
        return b""
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    name = certificate_hash_name(algorithm.name if algorithm is not None else None)
    return BINDING_PREFIX + hashlib.new(name, certificate).digest()
