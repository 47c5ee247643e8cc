"""Settings of an Exchange publication to how the gateway handles its Autodiscover and EWS."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from urllib.parse import urlsplit

from handfast.decision.rules.ews import build_ews_rules
from handfast.decision.rules.path_rule import OwnAnswer, PathRule
from handfast.gateway.handling import Handling
from handfast.identity.channels import Channel
from handfast.rewriting.answers import InspectedRequest, RefusedRequest, WholeAnswer
from handfast.rewriting.autodiscover.address_rules import AutodiscoverInspector, OtherMailboxes
from handfast.rewriting.autodiscover.own_answers import answer_json, redirect_to_https
from handfast.rewriting.autodiscover.published_names import PublishedNames
from handfast.rewriting.autodiscover.rewriter import AutodiscoverRewriter
from handfast.rewriting.ews.prefix import begin_prefix
from handfast.settings.publication import PublicationSettings


def build_handlings(publication: PublicationSettings, rules: tuple[PathRule, ...]) -> dict[str, Handling]:
    """How each rule of Autodiscover and EWS is handled, by its name; other rules are not the settings' business."""
    names = build_published_names(publication)
    forwarded = Handling(inspector=build_inspector(publication), rewriter=AutodiscoverRewriter(names))
    own = {
        OwnAnswer.AUTODISCOVER_JSON: Handling(answers=lambda request: _answer_json(request, names)),
        OwnAnswer.AUTODISCOVER_REDIRECT: Handling(
            answers=lambda request: redirect_to_https(names, request.path)
        ),
    }
    autodiscover = {
        rule.name: forwarded if rule.own_answer is None else own[rule.own_answer]
        for rule in rules
        if rule.channel is Channel.AUTODISCOVER
    }
    ews = build_ews_handling(publication)
    return autodiscover | {rule.name: ews for rule in rules if rule.channel is Channel.EWS}


def build_ews_handling(publication: PublicationSettings) -> Handling:
    """How the beginning of EWS requests is read."""
    told = publication.ews
    rules = build_ews_rules(
        allow_operations=told.allow_operations,
        deny_operations=told.deny_operations,
        allow_headers=told.allow_headers,
        binary_configuration=told.binary_configuration,
    )
    return Handling(reads_prefix=partial(begin_prefix, rules=rules))


def build_published_names(publication: PublicationSettings) -> PublishedNames:
    """The names that clients outside are told; what the settings leave empty is taken from `hosts`."""
    told, hosts = publication.autodiscover, publication.hosts
    finder = told.host or next((host for host in hosts if host.startswith("autodiscover.")), hosts[0])
    main = next((host for host in hosts if host != finder), finder)
    return PublishedNames(
        autodiscover=finder,
        activesync=told.activesync_host or main,
        ews=told.ews_host or main,
        oab=told.oab_host or main,
        mapi=told.mapi_host or main,
        owa=told.owa_host,
        ecp=told.ecp_host,
        other_hosts=frozenset({*hosts, *told.other_hosts}),
        mail_domains=frozenset(told.mail_domains),
        mapping=MappingProxyType(dict(told.mapping)),
        inside_names=frozenset(told.inside_names) | _servers_of(publication),
        auth_package=told.auth_package,
        cert_principal_name=told.cert_principal_name,
    )


def _servers_of(publication: PublicationSettings) -> frozenset[str]:
    """The names of the servers behind, which are inside ones unless they are published too."""
    backend = publication.backend
    named = {backend.host, *(urlsplit(url).hostname or "" for url in backend.urls)}
    return frozenset(named - {""} - set(publication.hosts))


def build_inspector(publication: PublicationSettings) -> AutodiscoverInspector:
    """Whose settings a signed-in account may ask for."""
    told = publication.autodiscover
    return AutodiscoverInspector(OtherMailboxes(told.other_mailboxes), frozenset(told.mail_domains))


def _answer_json(request: InspectedRequest, names: PublishedNames) -> WholeAnswer:
    """The rule's query shape lets nothing through that is malformed; should it, there is nothing to say about it."""
    answer = answer_json(request.path, request.query, names)
    return WholeAnswer(400, b"", b"") if isinstance(answer, RefusedRequest) else answer
