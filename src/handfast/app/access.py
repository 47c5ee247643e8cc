"""`[[access]]` and `[[role]]` of the settings as the rules that decide."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from handfast.decision.access_rules import AccessRule
from handfast.decision.publication import DevicePolicy
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.roles import Role, RoleRule
from handfast.identity.subjects import build_subjects
from handfast.settings.access import AccessSettings
from handfast.settings.model import Settings


def build_access(
    settings: Settings, publication: str, policies: Mapping[str, DevicePolicy]
) -> tuple[AccessRule, ...]:
    """The rules that name the publication, in their order. `policies` hold every policy of the settings."""
    default_domain = settings.identity.default_domain
    named = (one for one in settings.access if publication in one.publications)
    return tuple(_build_rule(one, policies, default_domain) for one in named)


def _build_rule(
    rule: AccessSettings, policies: Mapping[str, DevicePolicy], default_domain: str
) -> AccessRule:
    return AccessRule(
        name=rule.name,
        allow=rule.allow,
        subjects=build_subjects(rule.accounts, rule.groups, default_domain),
        listeners=frozenset(rule.listeners),
        networks=tuple(ip_network(network) for network in rule.networks),
        credentials=frozenset(CredentialKind(kind) for kind in rule.credentials),
        devices=policies[rule.policy] if rule.policy else None,
    )


def build_roles(settings: Settings) -> tuple[RoleRule, ...]:
    """Who may administer beside root and the service itself; empty: whoever may use the socket may everything."""
    default_domain = settings.identity.default_domain
    return tuple(
        RoleRule(Role(one.name), build_subjects(one.accounts, one.groups, default_domain))
        for one in settings.roles
    )
