"""What Handfast answers by itself, from its settings alone and alike for every address: nothing anonymous reaches a server,
and nobody learns from an answer whether an address exists.

Source: no document describes the JSON form; observed of Exchange 2016 CU3 and later.
"""

from __future__ import annotations

import json
from typing import Final

from handfast.decision.reasons import Reason
from handfast.protocols.autodiscover.json_query import parse_json_query
from handfast.protocols.errors import MalformedMessage
from handfast.rewriting.answers import RefusedRequest, WholeAnswer
from handfast.rewriting.autodiscover.field_rules import activesync_url, ews_url
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.requested import POX_PATH, SOAP_PATH

JSON_TYPE: Final = b"application/json; charset=utf-8"


def redirect_to_https(names: PublishedNames, path: str = POX_PATH) -> WholeAnswer:
    """The answer to `GET http://autodiscover.<domain>/autodiscover/autodiscover.xml` on port 80; or to the same of `.svc`,
    which exchangelib asks for, and takes as where SOAP is.

    Source: MS-OXDSCLI 3.1.5.3 (the client asks without credentials and follows the Location to HTTPS).
    """
    asked = SOAP_PATH if path.lower() == SOAP_PATH else POX_PATH
    location = f"https://{names.autodiscover}{asked}"
    return WholeAnswer(302, b"", b"", location.encode("ascii"))


def answer_json(path: str, query: str, names: PublishedNames) -> WholeAnswer | RefusedRequest:
    """The answer to a question of JSON Autodiscover. `path` decoded, `query` raw without its question mark."""
    try:
        asked = parse_json_query(path, query)
    except MalformedMessage as fault:
        return RefusedRequest(Reason.MALFORMED_REQUEST, str(fault))
    if not asked.protocol:
        return _error(
            "MandatoryParameterMissing", "A valid value must be provided for the query parameter 'Protocol'"
        )
    known = published_protocols(names)
    found = next((name for name in known if name.lower() == asked.protocol.lower()), None)
    if found is None:
        supported = ",".join(known)
        return _error(
            "InvalidProtocol", f"The given protocol value is invalid. Supported values are '{supported}'"
        )
    return _json(200, {"Protocol": found, "Url": known[found]})


def published_protocols(names: PublishedNames) -> dict[str, str]:
    """Each protocol JSON Autodiscover knows, with its published URL. REST is one that on-premises servers lack."""
    urls = {
        "ActiveSync": activesync_url("", names),
        "AutodiscoverV1": f"https://{names.autodiscover}{POX_PATH}",
        "Ews": ews_url("", names),
    }
    return {name: url for name, url in urls.items() if url}


def _error(code: str, message: str) -> WholeAnswer:
    return _json(400, {"ErrorCode": code, "ErrorMessage": message})


def _json(status: int, document: dict[str, str]) -> WholeAnswer:
    return WholeAnswer(status, JSON_TYPE, json.dumps(document).encode())
