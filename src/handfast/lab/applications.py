"""Which application of the simulated site a request is for, and that application's answer.

Paths are read as leniently as IIS reads them: decoded, without regard to case, by their beginning. A request that only
seems harmless to a gateway is so written down as what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from handfast.lab.activesync_requests import ACTIVESYNC_PATHS, ActiveSync
from handfast.lab.address_book import AddressBook
from handfast.lab.autodiscover.json_v2 import json_answer
from handfast.lab.autodiscover.pox import PoxAutodiscover
from handfast.lab.autodiscover.user_settings import UserSettings
from handfast.lab.documents import BadDocument
from handfast.lab.ews.service import ExchangeWebServices
from handfast.lab.front_end import exchange_cookie
from handfast.lab.http_message import Request
from handfast.lab.mapi import MapiHttp
from handfast.lab.reply import Answer, Reply, StreamedReply
from handfast.lab.site_names import SiteNames
from handfast.lab.soap import read_envelope, soap_fault

# The first that fits is meant; each has its name in the log, and the path its cookies are for.
_PATHS = (
    ("autodiscover-json", "/autodiscover/autodiscover.json"),
    ("autodiscover-soap", "/autodiscover/autodiscover.svc"),
    ("autodiscover", "/autodiscover"),
    ("ews", "/ews"),
    ("mapi", "/mapi"),
    ("oab", "/oab"),
    ("owa", "/owa"),
    ("ecp", "/ecp"),
    ("powershell", "/powershell"),
    ("rpc", "/rpc"),
    ("api", "/api"),
    ("activesync", "/microsoft-server-activesync"),
)
ANONYMOUS = frozenset({"autodiscover-json"})
_RECORDED_ONLY = frozenset({"owa", "ecp", "powershell", "rpc", "api"})


@dataclass(frozen=True, slots=True)
class Handled:
    """An answer, and what the log says about its request."""

    answer: Answer
    operation: str = ""
    device_id: str = ""
    acting_as: str = ""
    problem: str = ""


class Applications:
    """Everything a site answers with."""

    def __init__(
        self, names: SiteNames, active_sync: ActiveSync, ews: ExchangeWebServices, mapi: MapiHttp
    ) -> None:
        self._names = names
        self._active_sync = active_sync
        self.ews = ews
        self._mapi = mapi
        self.pox = PoxAutodiscover(names)
        self.soap = UserSettings(names)
        self._address_book = AddressBook(names)
        self._handlers: dict[str, Callable[[Request], Handled]] = {
            "activesync": self._phone,
            "autodiscover": self._plain_xml,
            "autodiscover-json": lambda request: Handled(json_answer(names, request.raw_query)),
            "autodiscover-soap": self._soap,
            "ews": self._web_services,
            "mapi": self._outlook,
            "oab": lambda request: Handled(
                self._address_book.answer(request.method, request.path.lower(), request.headers)
            ),
        }

    def handle(self, application: str, request: Request) -> Handled:
        """`application` as `application_of` names it. Web pages are not imitated: that they were reached is enough."""
        if application in _RECORDED_ONLY:
            return Handled(Reply(200, f"This is {application}.".encode(), "text/html"))
        handler = self._handlers.get(application)
        return handler(request) if handler else Handled(Reply(404))

    def _phone(self, request: Request) -> Handled:
        if request.path.lower() not in ACTIVESYNC_PATHS:
            return Handled(Reply(404))
        query, problem = self._active_sync.read(request.method, request.raw_query)
        answer = self._active_sync.answer(query, request.user, request.headers, request.body)
        if query is None:
            return Handled(answer, problem=problem)
        return Handled(answer, query.command.value, query.device_id)

    def _plain_xml(self, request: Request) -> Handled:
        if request.path.lower() != "/autodiscover/autodiscover.xml":
            return Handled(Reply(404))
        body = request.body if request.method == "POST" else b""
        answer = self.pox.answer(
            body,
            mapi_http=request.headers.get("X-MapiHttpCapability").isdigit(),
            exhttp="exhttpinfo" in request.headers.get("X-ClientCanHandle").lower(),
        )
        return Handled(answer)

    def _soap(self, request: Request) -> Handled:
        if request.method != "POST":
            return Handled(Reply(200, b"<html>Autodiscover</html>", "text/html"))
        return Handled(self.soap.answer(request.body), "GetUserSettings")

    def _web_services(self, request: Request) -> Handled:
        if request.path.lower() != "/ews/exchange.asmx":
            return Handled(Reply(404))
        if request.method != "POST":
            moved = ("Location", self._names.inside_url("/EWS/Services.wsdl"))
            return Handled(Reply(302, headers=(moved,)))
        try:
            envelope = read_envelope(request.body)
        except BadDocument as error:
            return Handled(soap_fault(str(error)), problem=str(error))
        answer = self.ews.answer(request.user, envelope)
        cookie = exchange_cookie(request.user)
        return Handled(_with(answer, cookie), envelope.operation, acting_as=envelope.impersonated)

    def _outlook(self, request: Request) -> Handled:
        if request.method != "POST" or not request.path.lower().rstrip("/").endswith("/emsmdb"):
            return Handled(Reply(404))
        return Handled(self._mapi.answer(request.user, request.headers), request.headers.get("X-RequestType"))


def application_of(path: str) -> tuple[str, str]:
    """Name and root of the application a path leads to, ("", "/") where to none."""
    decoded = unquote(unquote(path)).replace("\\", "/").lower()
    while "//" in decoded:
        decoded = decoded.replace("//", "/")
    for name, root in _PATHS:
        if decoded == root or decoded.startswith((f"{root}/", f"{root}.", f"{root}@", f"{root}?")):
            return name, root
    return "", "/"


def _with(answer: Reply | StreamedReply, field: tuple[str, str]) -> Reply | StreamedReply:
    headers = (*answer.headers, field)
    if isinstance(answer, Reply):
        return Reply(answer.status, answer.body, answer.content_type, headers)
    return StreamedReply(answer.chunks, answer.content_type, answer.status, headers)
