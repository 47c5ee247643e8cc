"""The namespaces and schema names of Autodiscover. Documentation prints some with https; the wire has http."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_BASE: Final = "http://schemas.microsoft.com/exchange/autodiscover"
ENVELOPE: Final = f"{_BASE}/responseschema/2006"
OUTLOOK_REQUEST: Final = f"{_BASE}/outlook/requestschema/2006"
OUTLOOK_RESPONSE: Final = f"{_BASE}/outlook/responseschema/2006a"
MOBILESYNC_REQUEST: Final = f"{_BASE}/mobilesync/requestschema/2006"
MOBILESYNC_RESPONSE: Final = f"{_BASE}/mobilesync/responseschema/2006"

AUTODISCOVER: Final = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
EWS_TYPES: Final = "http://schemas.microsoft.com/exchange/services/2006/types"
SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"
SCHEMA_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
WCF_NULL_ACTION: Final = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
SERIALIZATION: Final = "http://schemas.microsoft.com/2003/10/Serialization/"

ACTION_PREFIX: Final = f"{AUTODISCOVER}/Autodiscover/"
"""Stands before the operation's name in `Action` and SOAPAction."""

OF_ANSWERS: Final = frozenset(
    {
        ENVELOPE,
        OUTLOOK_RESPONSE,
        MOBILESYNC_RESPONSE,
        AUTODISCOVER,
        SOAP_11,
        ADDRESSING,
        SCHEMA,
        SCHEMA_INSTANCE,
        WCF_NULL_ACTION,
        SERIALIZATION,
    }
)
"""The namespaces an answer can have a use for."""


class PoxSchema(StrEnum):
    """Which of the two dialects of POX."""

    OUTLOOK = "outlook"
    MOBILESYNC = "mobilesync"
