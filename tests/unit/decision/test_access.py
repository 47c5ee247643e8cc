from __future__ import annotations

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ConnectionCredential,
    NtlmCredential,
    TicketCredential,
)
from handfast.identity.channels import Channel


def test_no_secret_of_a_credential_stands_in_its_repr():
    credentials = (
        BasicCredential("alice", "SECRET"),
        NtlmCredential("id", "c1", b"SECRET", b"SECRET"),
        TicketCredential(b"SECRET", "c1"),
        ConnectionCredential("c1", b"SECRET"),
    )
    for credential in credentials:
        request = AccessRequest("r", "n", "out", "192.0.2.1", "mail", "rule", Channel.ACTIVESYNC, credential)
        assert "SECRET" not in repr(request)
    assert "alice" in repr(credentials[0])


def test_a_request_claims_nothing_by_itself():
    request = AccessRequest(
        "r", "n", "out", "192.0.2.1", "mail", "rule", Channel.ACTIVESYNC, BasicCredential("a", "b")
    )
    assert (request.device, request.command, request.facts.user_agent) == (None, "", "")
