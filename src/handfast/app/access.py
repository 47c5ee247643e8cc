"""`[[access]]` and `[[role]]` of the settings as the rules that decide."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from handfast.decision.access_rules import AccessRule
from handfast.decision.named_groups import NamedGroup
from handfast.decision.publication import DevicePolicy
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.names import fold
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


def build_named_groups(settings: Settings) -> tuple[NamedGroup, ...]:
    """Every group that a rule or a role names, in the order of the settings; the first spelling counts."""
    spellings: dict[str, str] = {}
    named_by: dict[str, list[str]] = {}
    holding_back: dict[str, list[str]] = {}
    rules = [(f"[[access]] {one.name}", one.groups, one) for one in settings.access]
    for title, groups, access in (
        *rules,
        *((f"[[role]] {one.name}", one.groups, None) for one in settings.roles),
    ):
        for group in groups:
            key = fold(group)
            spellings.setdefault(key, group)
            named_by.setdefault(key, []).append(title)
            if access is not None and _holds_back(settings, access):
                holding_back.setdefault(key, []).append(title)
    return tuple(
        NamedGroup(spelling, tuple(named_by[key]), tuple(holding_back.get(key, ())))
        for key, spelling in spellings.items()
    )


def _holds_back(settings: Settings, rule: AccessSettings) -> bool:
    """True where whom the rule does not fit may be let in by a later one, and further: a refusal, a narrower policy."""
    later = settings.access[settings.access.index(rule) + 1 :]
    is_narrower = not rule.allow or bool(rule.policy) or bool(rule.credentials)
    return is_narrower and any(
        one.allow and not set(one.publications).isdisjoint(rule.publications) for one in later
    )


def build_roles(settings: Settings) -> tuple[RoleRule, ...]:
    """Who may administer beside root and the service itself; empty: whoever may use the socket may everything."""
    default_domain = settings.identity.default_domain
    return tuple(
        RoleRule(Role(one.name), build_subjects(one.accounts, one.groups, default_domain))
        for one in settings.roles
    )
