"""The beginning of an EWS request, read while it is held: nobody acts for others from outside.

Source: MS-OXWSCDATA 2.1 (SOAP over HTTP), and `protocols.ews.acting_for`.
"""

from __future__ import annotations

from collections.abc import Sequence

from handfast.decision.reasons import Reason
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ews.acting_for import find_acting_for
from handfast.protocols.http1.head import RequestHead
from handfast.protocols.soap.content_type import check_content_type
from handfast.protocols.soap.header_reader import SoapHeaderReader
from handfast.rewriting.answers import RefusedRequest


def begin_prefix(head: RequestHead) -> EwsPrefix | RefusedRequest:
    """Begins to read a request that has a body."""
    try:
        if (head.find(b"content-encoding") or b"identity").lower() != b"identity":
            return RefusedRequest(Reason.MALFORMED_REQUEST, "the request's body is coded")
        return EwsPrefix(check_content_type(head.find(b"content-type")))
    except MalformedMessage as fault:
        return RefusedRequest(Reason.MALFORMED_REQUEST, str(fault))


class EwsPrefix:
    """Reads up to the Body of one request."""

    def __init__(self, charset: bytes) -> None:
        self._reader = SoapHeaderReader(charset)

    def feed(self, pieces: Sequence[bytes], *, is_done: bool) -> RefusedRequest | bool:
        """True once the Header allows the rest to pass; False while it is not whole."""
        reader = self._reader
        try:
            # Joined: a client that sends chunks of one byte must not decide how often a long tag is begun anew.
            reader.feed(b"".join(pieces))
            if is_done:
                reader.close()
        except MalformedMessage as fault:
            return RefusedRequest(Reason.MALFORMED_REQUEST, str(fault))
        if not reader.is_past_header:
            return False
        found = find_acting_for(reader.names)
        if found is not None:
            return RefusedRequest(Reason.IMPERSONATION_REFUSED, f"SOAP header {found}")
        return True
