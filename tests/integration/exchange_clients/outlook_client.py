"""What Outlook sends, one request at a time: Autodiscover, MAPI over HTTP and the offline address book. Outlook itself
does not run on Linux; the requests follow MS-OXDSCLI 3.1, MS-OXCMAPIHTTP 3.1 and MS-OXWOAB 3.1.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping

from tests.installation import HOST
from tests.integration.exchange_clients.conftest import Person, Way

AUTODISCOVER = (
    '<?xml version="1.0" encoding="utf-8"?><Autodiscover '
    'xmlns="http://schemas.microsoft.com/exchange/autodiscover/{kind}/requestschema/2006"><Request>'
    "<EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>"
    "http://schemas.microsoft.com/exchange/autodiscover/{kind}/responseschema/2006{letter}"
    "</AcceptableResponseSchema></Request></Autodiscover>"
)


class Outlook:
    """One kept connection, signed in by Basic with every request; cookies come back as a client sends them."""

    def __init__(self, connection: http.client.HTTPConnection, person: Person, host: str) -> None:
        self._connection = connection
        self._host = host
        token = base64.b64encode(f"{person.login}:{person.password}".encode()).decode()
        self._fields = {
            "Authorization": f"Basic {token}",
            "User-Agent": "Microsoft Office/16.0 (Outlook 16.0)",
        }
        self.cookies: dict[str, str] = {}

    def begin(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """The answer with its head read; its body is the caller's to read."""
        fields = {"Host": self._host, **self._fields, **(headers or {})}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._connection.request(method, target, body=body, headers=fields)
        answer = self._connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    def mapi(self, kind: str, number: int = 1) -> http.client.HTTPResponse:
        """A request of MAPI over HTTP. Source: MS-OXCMAPIHTTP 2.2.2.1."""
        fields = {
            "Content-Type": "application/mapi-http",
            "X-RequestType": kind,
            "X-RequestId": f"{{B2F3B1F6-0A4C-4A57-9D57-2F9B5B0A2C11}}:{number}",
            "X-ClientInfo": "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123",
            "X-ClientApplication": "Outlook/16.0.5122.1000",
        }
        return self.begin(
            "POST", "/mapi/emsmdb/?MailboxId=0f7b345b-d298-44a9-8820-724e468c8820@contoso.lab", b"", fields
        )

    def autodiscover(self, address: str, *, mobile: bool = False, **headers: str) -> http.client.HTTPResponse:
        """Plain XML Autodiscover, for Outlook or for a phone."""
        kind, letter = ("mobilesync", "") if mobile else ("outlook", "a")
        body = AUTODISCOVER.format(kind=kind, letter=letter, address=address).encode()
        fields = {"Content-Type": "text/xml; charset=utf-8", **headers}
        return self.begin("POST", "/autodiscover/autodiscover.xml", body, fields)


@contextlib.contextmanager
def outlook(way: Way, person: Person, host: str = HOST) -> Iterator[Outlook]:
    """A client on a connection of its own."""
    plain = socket.create_connection(("127.0.0.1", way.port), timeout=20)
    context = ssl.create_default_context(cafile=str(way.ca_file))
    connection = http.client.HTTPConnection(host)
    connection.sock = context.wrap_socket(plain, server_hostname=host)
    try:
        yield Outlook(connection, person, host)
    finally:
        connection.close()
