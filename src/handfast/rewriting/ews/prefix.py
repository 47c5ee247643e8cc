"""The beginning of an EWS request, read while it is held: whom it acts for, what it asks for.

What passes is `decision.rules.ews_operations`; who asks to be somebody else gets a reason of their own.
Source: MS-OXWSCDATA 2.1 (SOAP over HTTP), and `protocols.ews.acting_for`.
"""

from __future__ import annotations

from collections.abc import Sequence

from handfast.decision.reasons import Reason
from handfast.decision.rules.ews import EwsRefusal, EwsRules, find_refused_header, find_refused_operation
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ews.acting_for import find_acting_for
from handfast.protocols.http1.head import RequestHead
from handfast.protocols.soap.content_type import check_content_type
from handfast.protocols.soap.prefix_reader import SoapPrefixReader
from handfast.rewriting.answers import RefusedRequest

DEFAULT_RULES = EwsRules()


def begin_prefix(head: RequestHead, rules: EwsRules = DEFAULT_RULES) -> EwsPrefix | RefusedRequest:
    """Begins to read a request that has a body, which has no content coding."""
    try:
        return EwsPrefix(check_content_type(head.find(b"content-type")), rules)
    except MalformedMessage as fault:
        return _malformed(fault)


class EwsPrefix:
    """Reads one request up to its operation, or to that operation's end where its parts matter."""

    def __init__(self, charset: bytes, rules: EwsRules = DEFAULT_RULES) -> None:
        self._rules = rules
        self._reader = SoapPrefixReader(charset, rules.parts)

    def feed(self, pieces: Sequence[bytes], *, is_done: bool) -> RefusedRequest | bool:
        """True once the rest may pass; False while more has to be read."""
        reader = self._reader
        try:
            # Joined: a client that sends chunks of one byte must not decide how often a long tag is begun anew.
            reader.feed(b"".join(pieces))
            if is_done:
                reader.close()
        except MalformedMessage as fault:
            # Whoever asks to be somebody else is told so, however the rest of the message looks.
            return _acting_for(reader) or _malformed(fault)
        if not reader.is_done:
            return False
        return _acting_for(reader) or self._judge(reader) or True

    def _judge(self, reader: SoapPrefixReader) -> RefusedRequest | None:
        assert reader.operation is not None
        refusal = find_refused_header(self._rules, reader.blocks) or find_refused_operation(
            self._rules, reader.operation, reader.parts
        )
        return _refused(refusal) if refusal is not None else None


def _acting_for(reader: SoapPrefixReader) -> RefusedRequest | None:
    found = find_acting_for(reader.names)
    return RefusedRequest(Reason.IMPERSONATION_REFUSED, f"SOAP header {found}") if found is not None else None


def _refused(refusal: EwsRefusal) -> RefusedRequest:
    denial = refusal.denial
    detail = f"{refusal.what}: {denial.why} ({denial.source})"
    return RefusedRequest(Reason.EWS_REQUEST_REFUSED, detail, rule=denial.name)


def _malformed(fault: MalformedMessage) -> RefusedRequest:
    return RefusedRequest(Reason.MALFORMED_REQUEST, str(fault), status=fault.status)
