"""`[[access]]` and `[[role]]` of the settings as the rules that decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

from handfast.decision.access_rules import AccessRule
from handfast.decision.named_subjects import NamedSubject
from handfast.decision.publication import DevicePolicy
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.roles import Role, RoleRule
from handfast.identity.subjects import account_key, build_subjects, rule_key
from handfast.settings.access import AccessSettings, RoleSettings
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


def build_named_subjects(settings: Settings) -> tuple[NamedSubject, ...]:
    """Every group and account that a rule or a role names, in the order of the settings; the first spelling counts."""
    found: dict[tuple[bool, str], NamedSubject] = {}
    default_domain = settings.identity.default_domain
    rules: list[tuple[str, AccessSettings | RoleSettings, bool]] = [
        (f"[[access]] {one.name}", one, _holds_back(settings, one)) for one in settings.access
    ]
    rules += [(f"[[role]] {one.name}", one, False) for one in settings.roles]
    for title, rule, is_holding_back in rules:
        groups = [(True, rule_key(name), name) for name in rule.groups]
        accounts = [(False, account_key(name, default_domain), name) for name in rule.accounts]
        for is_group, key, name in (*groups, *accounts):
            known = found.get((is_group, key)) or NamedSubject(
                name, key, (), is_group=is_group, lets_in=False
            )
            found[is_group, key] = replace(
                known,
                rules=(*known.rules, title),
                holds_back=(*known.holds_back, title) if is_holding_back else known.holds_back,
                lets_in=known.lets_in or not isinstance(rule, AccessSettings) or rule.allow,
            )
    return tuple(found.values())


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
