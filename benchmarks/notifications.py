"""What a streaming subscription of Exchange Web Services says: an envelope for each event, here with the time it was written.

Source: MS-OXWSNTIF 3.1.4.2 (GetStreamingEvents); the bytes are those of one new message.
"""

from __future__ import annotations

import re
from typing import Final

PATH = "/EWS/Exchange.asmx"
EVERY_SECONDS: Final = 0.1
"""Between two envelopes of one answer. Exchange sends far fewer; what an envelope costs does not depend on it."""

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"

REQUEST = (
    f'<s:Envelope xmlns:s="{_SOAP}" xmlns:t="{_TYPES}" xmlns:m="{_MESSAGES}">'
    '<s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header><s:Body><m:GetStreamingEvents>'
    "<m:SubscriptionIds><t:SubscriptionId>bench</t:SubscriptionId></m:SubscriptionIds>"
    "<m:ConnectionTimeout>30</m:ConnectionTimeout></m:GetStreamingEvents></s:Body></s:Envelope>"
)
_BEFORE = (
    f'<s:Envelope xmlns:s="{_SOAP}" xmlns:t="{_TYPES}"><s:Body><GetStreamingEventsResponse xmlns="{_MESSAGES}">'
    '<ResponseMessages><GetStreamingEventsResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode>'
    "<Notifications><Notification><t:SubscriptionId>bench</t:SubscriptionId><t:NewMailEvent>"
    '<t:ItemId Id="'
).encode()
_AFTER = (
    b'"/></t:NewMailEvent></Notification></Notifications></GetStreamingEventsResponseMessage></ResponseMessages>'
    b"</GetStreamingEventsResponse></s:Body></s:Envelope>"
)
_RE = re.compile(rb'<t:ItemId Id="(\d{20})".*?</s:Envelope>', re.DOTALL)


def encode_notification(written_at: int) -> bytes:
    """The envelope, always of one length. `written_at`: monotonic nanoseconds, a clock all processes of a machine share."""
    return b"%b%020d%b" % (_BEFORE, written_at, _AFTER)


def take_notifications(buffer: bytearray) -> list[int]:
    """When each whole envelope in `buffer` was written; takes them out. What stands between envelopes is skipped."""
    found, end = [], 0
    for match in _RE.finditer(buffer):
        found.append(int(match[1]))
        end = match.end()
    if end:
        del buffer[:end]
    return found
