"""A name server on loopback for clients that ask DNS themselves: the names it is told are this machine, no other exists."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Collection, Iterator, Mapping

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

LOOPBACK = "127.0.0.1"


class _Handler(socketserver.BaseRequestHandler):
    server: NameServer

    def handle(self) -> None:
        data, connection = self.request
        answer = self.server.answer(dns.message.from_wire(data))
        connection.sendto(answer.to_wire(), self.client_address)


class NameServer(socketserver.UDPServer):
    """Knows `names` (A records) and `services`: `_autodiscover._tcp.contoso.lab` -> "0 0 443 mail.contoso.lab."."""

    def __init__(self, names: Collection[str], services: Mapping[str, str]) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self._records = {
            **{(name, dns.rdatatype.A): LOOPBACK for name in names},
            **{(name, dns.rdatatype.SRV): value for name, value in services.items()},
        }
        self.asked: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        value = self._records.get((name, question.rdtype))
        if value is not None:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", question.rdtype, value))
        elif not any(known == name for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@contextlib.contextmanager
def name_server(names: Collection[str], services: Mapping[str, str] | None = None) -> Iterator[NameServer]:
    """Answers on a UDP port of its own until the block is left."""
    with NameServer(names, services or {}) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="name server"
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)
