"""JSON Autodiscover: where is this protocol, for this address? Asked and answered before any sign-in.

Source: seen of Exchange 2016 CU3 and later at `/autodiscover/autodiscover.json`; MS-OXDSCLI does not describe it.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from handfast.lab.reply import Reply
from handfast.lab.site_names import SiteNames

_PATHS = {
    "activesync": ("ActiveSync", "/Microsoft-Server-ActiveSync"),
    "autodiscoverv1": ("AutodiscoverV1", "/Autodiscover/Autodiscover.xml"),
    "ews": ("Ews", "/EWS/Exchange.asmx"),
}


def json_answer(names: SiteNames, raw_query: str) -> Reply:
    """Whatever the address: 200 for a protocol it knows, 400 otherwise. Where no URL is published the inside one."""
    query = {name.lower(): value for name, value in parse_qsl(raw_query)}
    protocol = query.get("protocol", "")
    if protocol.lower() not in _PATHS:
        message = f"The given protocol value '{protocol}' is invalid. Supported values are 'ActiveSync,AutodiscoverV1,Ews'"
        return _json(400, {"ErrorCode": "InvalidProtocol", "ErrorMessage": message})
    name, path = _PATHS[protocol.lower()]
    return _json(200, {"Protocol": name, "Url": names.published_url(path) or names.inside_url(path)})


def _json(status: int, document: dict[str, str]) -> Reply:
    return Reply(status, json.dumps(document).encode(), "application/json; charset=utf-8")
