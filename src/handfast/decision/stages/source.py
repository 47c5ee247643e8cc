"""Second stage: may this source network ask at all? How fast it may guess is said beside the failure it made."""

from __future__ import annotations

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.publication import Publication
from handfast.decision.reasons import Reason
from handfast.identity.sources import parse_source

NAME = "source"


def decide_source(publication: Publication, request: AccessRequest) -> StageResult:
    """Refuses sources outside the publication's networks; a source that is no address belongs to none."""
    if not publication.networks:
        return Pass(rule="networks", detail="from anywhere")
    address = parse_source(request.source)
    if address is not None:
        for network in publication.networks:
            if address.version == network.version and address in network:
                return Pass(rule=f"networks {network}")
    return Deny(Reason.SOURCE_REFUSED, rule="networks", detail=request.source)
