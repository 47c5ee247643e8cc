"""Second stage: may this source network ask at all? How fast it may guess is said beside the failure it made."""

from __future__ import annotations

from handfast.decision.access_rules import is_within
from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.publication import Publication
from handfast.decision.reasons import Reason

NAME = "source"


def decide_source(publication: Publication, source: str) -> StageResult:
    """Refuses sources outside the publication's networks; a source that is no address belongs to none."""
    if not publication.networks:
        return Pass(rule="networks", detail="from anywhere")
    for network in publication.networks:
        if is_within(source, (network,)):
            return Pass(rule=f"networks {network}")
    return Deny(Reason.SOURCE_REFUSED, rule="networks", detail=source)
