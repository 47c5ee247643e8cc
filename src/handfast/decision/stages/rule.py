"""First stage: is this something that is published at all, here, in this shape?"""

from __future__ import annotations

from collections.abc import Mapping

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.publication import PathRule, Publication
from handfast.decision.reasons import Reason
from handfast.identity.channels import Channel

NAME = "rule"


def decide_rule(publications: Mapping[str, Publication], request: AccessRequest) -> StageResult:
    """A gateway names publication, rule and channel; identity believes none of them unless its own settings agree."""
    publication = publications.get(request.publication)
    if publication is None or not _is_published_to(publication, request):
        return Deny(Reason.UNKNOWN_HOST, rule=request.publication)
    rule = _find_rule(publication, request.rule)
    label = f"{publication.name}/{request.rule}"
    if rule is None or rule.own_answer is not None or rule.channel is not request.channel:
        return Deny(Reason.UNKNOWN_PATH, rule=label)
    if request.channel is Channel.ACTIVESYNC and request.device is None and request.command != "OPTIONS":
        return Deny(Reason.DEVICE_ID_MISSING, rule=label)
    return Pass(rule=label, detail=request.command)


def _is_published_to(publication: Publication, request: AccessRequest) -> bool:
    listener_fits = publication.is_on(request.listener) and not publication.only_redirects(request.listener)
    node_fits = not publication.allow_from_node or request.node in publication.allow_from_node
    return listener_fits and node_fits


def _find_rule(publication: Publication, name: str) -> PathRule | None:
    return next((rule for rule in publication.rules if rule.name == name), None)
