from __future__ import annotations

from dataclasses import replace

import pytest
import spnego

from handfast.decision.challenges import issue_challenge
from handfast.decision.publication import AuthMethod, CredentialPolicy
from handfast.protocols.errors import MalformedMessage
from tests.fakes.identity_process import MAIL, IdentityProcess

NTLM_MAIL = replace(MAIL, credentials=CredentialPolicy(methods=frozenset({AuthMethod.NTLM})))


def negotiate() -> bytes:
    message = spnego.client("u", "p", hostname="h", service="http", protocol="ntlm").step()
    assert message is not None
    return message


def test_each_challenge_is_fresh_and_waits_for_its_own_connection():
    services = IdentityProcess().services
    first, second = (issue_challenge(services, NTLM_MAIL, "c1", negotiate()) for _ in range(2))
    assert first.challenge_id != second.challenge_id
    assert first.message[24:32] != second.message[24:32], "the eight bytes of the server"
    assert first.message.startswith(b"NTLMSSP\0\x02")
    assert len(services.challenges) == 2
    taken = services.challenges.take(
        first.challenge_id, publication="mail", connection_id="c1", now=services.clock.now()
    )
    assert taken is not None
    assert (taken.message, taken.server_challenge) == (first.message, first.message[24:32])


@pytest.mark.parametrize("publication", [None, MAIL])
def test_without_ntlm_there_is_none(publication):
    services = IdentityProcess().services
    with pytest.raises(MalformedMessage, match="does not offer NTLM"):
        issue_challenge(services, publication, "c1", negotiate())
    assert len(services.challenges) == 0


def test_rubbish_gets_none():
    services = IdentityProcess().services
    with pytest.raises(MalformedMessage):
        issue_challenge(services, NTLM_MAIL, "c1", b"NTLMSSP\0rubbish")
    assert len(services.challenges) == 0
