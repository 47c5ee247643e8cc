"""What a publication of Exchange lets through: each path with its channel, methods, query and, where certain, media type.

What real clients send beside the documents is said with each rule. Everything else is refused: outside these lines
nothing of Exchange exists.
"""

from __future__ import annotations

import re

from handfast.decision.rules.activesync import ACTIVESYNC_RULES
from handfast.decision.rules.path_rule import OwnAnswer, PathRule, QueryShape
from handfast.decision.rules.query_shapes import MAIL_ADDRESS
from handfast.identity.channels import Channel

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_POX = "/autodiscover/autodiscover.xml"
_SOAP = "/autodiscover/autodiscover.svc"
_JSON = "/autodiscover/autodiscover.json"
_MAPI_TYPES = frozenset({"application/mapi-http", "application/octet-stream"})
"""MS-OXCMAPIHTTP names the first; the second is what Exchange's own MapiHttpClient sends."""

AUTODISCOVER_POX = PathRule(
    # POST is the protocol (MS-OXDSCLI). GET is how people and monitors look whether it is there: Exchange asks for
    # a password and then answers error 600. exchangelib tries a redirect's end with HEAD.
    name="autodiscover-pox",
    channel=Channel.AUTODISCOVER,
    paths=frozenset({_POX}),
    methods=frozenset({"GET", "HEAD", "POST"}),
    spelled=("/Autodiscover/Autodiscover.xml",),
)

EXCHANGE_RULES: tuple[PathRule, ...] = (
    *ACTIVESYNC_RULES,
    AUTODISCOVER_POX,
    PathRule(
        # MS-OXWSADISC. exchangelib tries a redirect's end with HEAD here too. Its WS-Security variants (/wssecurity and others) are for federation between organisations.
        name="autodiscover-soap",
        channel=Channel.AUTODISCOVER,
        paths=frozenset({_SOAP}),
        methods=frozenset({"HEAD", "POST"}),
        spelled=("/Autodiscover/Autodiscover.svc",),
    ),
    PathRule(
        # Outlook and Outlook for Android ask so; answered without any server, because clients ask without credentials.
        name="autodiscover-json",
        channel=Channel.AUTODISCOVER,
        paths=frozenset({_JSON}),
        methods=frozenset({"GET"}),
        query=QueryShape.AUTODISCOVER_JSON,
        own_answer=OwnAnswer.AUTODISCOVER_JSON,
    ),
    PathRule(
        name="autodiscover-json-v1",
        channel=Channel.AUTODISCOVER,
        paths=frozenset(),
        pattern=re.compile(re.escape(_JSON) + r"/v1\.0/" + MAIL_ADDRESS),
        methods=frozenset({"GET"}),
        query=QueryShape.AUTODISCOVER_JSON_IN_PATH,
        own_answer=OwnAnswer.AUTODISCOVER_JSON,
    ),
    PathRule(
        # MS-OXWSCORE. GET is for clients that look for the challenge first (DavMail's check of its settings,
        # Outlook 2021); signed in, Exchange answers it with a redirect to its WSDL, which is not published.
        name="ews",
        channel=Channel.EWS,
        paths=frozenset({"/ews/exchange.asmx"}),
        methods=frozenset({"GET", "POST"}),
        spelled=("/EWS/Exchange.asmx",),
    ),
    PathRule(
        # Outlook, Skype for Business: the photo of a colleague.
        name="ews-user-photo",
        channel=Channel.EWS,
        paths=frozenset({"/ews/exchange.asmx/s/getuserphoto"}),
        methods=frozenset({"GET"}),
        query=QueryShape.USER_PHOTO,
        spelled=("/EWS/Exchange.asmx/s/GetUserPhoto",),
    ),
    PathRule(
        # MS-OXWOAB: a manifest and the files it names, below the address book's GUID. BITS asks for the size with
        # HEAD and then for ranges.
        name="oab",
        channel=Channel.OAB,
        paths=frozenset(),
        pattern=re.compile(rf"/oab/{_GUID}/(?:oab\.xml|[a-z0-9-]{{1,100}}\.lzx)"),
        methods=frozenset({"GET", "HEAD"}),
        spelled=("/OAB",),
    ),
    PathRule(
        name="mapi-emsmdb",
        channel=Channel.MAPI,
        paths=frozenset({"/mapi/emsmdb", "/mapi/emsmdb/"}),
        methods=frozenset({"POST"}),
        query=QueryShape.MAILBOX,
        content_types=_MAPI_TYPES,
    ),
    PathRule(
        name="mapi-nspi",
        channel=Channel.MAPI,
        paths=frozenset({"/mapi/nspi", "/mapi/nspi/"}),
        methods=frozenset({"POST"}),
        query=QueryShape.MAILBOX,
        content_types=_MAPI_TYPES,
    ),
)

REDIRECT_RULES: tuple[PathRule, ...] = (
    PathRule(
        # MS-OXDISCO 3.1.5.4: without TLS, clients ask once whether there is a redirect to a place with it; exchangelib
        # does so for SOAP.
        name="autodiscover-redirect",
        channel=Channel.AUTODISCOVER,
        paths=frozenset({_POX, _SOAP}),
        methods=frozenset({"GET", "HEAD"}),
        own_answer=OwnAnswer.AUTODISCOVER_REDIRECT,
    ),
)
"""All that a listener without TLS serves for Exchange, where it is there for this."""
