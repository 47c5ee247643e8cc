"""Which handling each rule of a publication has: what its configuration gives, and what no configuration can leave out."""

from __future__ import annotations

from collections.abc import Mapping

from handfast.decision.publication import PathRule, Publication
from handfast.gateway.handling import Handling
from handfast.identity.channels import Channel
from handfast.rewriting.ews.prefix import begin_prefix

EWS_HANDLING = Handling(reads_prefix=begin_prefix)


def complete_handlings(publication: Publication, given: Mapping[str, Handling]) -> dict[str, Handling]:
    """The handling of each rule that has one, by the rule's name.

    Raises: ValueError where a rule would let through what has to be looked at, or answer what nobody answers.
    """
    found: dict[str, Handling] = {}
    for rule in (*publication.rules, *publication.redirect_rules):
        handling = given.get(rule.name) or _by_channel(rule)
        if handling is not None:
            found[rule.name] = handling
        _check(rule, handling)
    return found


def _by_channel(rule: PathRule) -> Handling | None:
    return EWS_HANDLING if rule.channel is Channel.EWS else None


def _check(rule: PathRule, handling: Handling | None) -> None:
    if rule.own_answer is not None and (handling is None or handling.answers is None):
        raise ValueError(f"rule {rule.name} is to be answered here, and nothing answers it")
    is_rewritten = handling is not None and (handling.rewriter is not None or handling.answers is not None)
    if rule.channel is Channel.AUTODISCOVER and not is_rewritten:
        raise ValueError(f"rule {rule.name} would send inside names outside: it has no rewriter")
    if rule.channel is Channel.EWS and (handling is None or handling.reads_prefix is None):
        raise ValueError(f"rule {rule.name} would let impersonation through: nothing reads its beginning")
