"""The NTLM challenge a client gets for its type 1 message: fresh, single use, bound to its connection."""

from __future__ import annotations

from handfast.decision.ports import IssuedChallenge
from handfast.decision.publication import AuthMethod, Publication
from handfast.decision.services import Services
from handfast.identity.ntlm_challenges import PendingChallenge
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.challenge import encode_challenge
from handfast.protocols.ntlm.messages import parse_negotiate


def issue_challenge(
    services: Services, publication: Publication | None, connection_id: str, negotiate: bytes
) -> IssuedChallenge:
    """Raises: MalformedMessage, also where the publication (None: unknown) does not offer NTLM."""
    if publication is None or AuthMethod.NTLM not in publication.credentials.methods:
        raise MalformedMessage("ntlm", "NEGOTIATE", "the publication does not offer NTLM")
    message = parse_negotiate(negotiate)
    now = services.clock.now()
    server_challenge = services.randomness.token_bytes(8)
    encoded = encode_challenge(server_challenge, services.server_names, now, message.flags)
    challenge_id = services.randomness.token_bytes(16).hex()
    services.challenges.put(
        challenge_id, PendingChallenge(publication.name, connection_id, server_challenge, encoded, now)
    )
    return IssuedChallenge(challenge_id, encoded)
