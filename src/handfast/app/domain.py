"""Settings to domain values: publications, and the policies by which they are decided (access rules: `access`)."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

from handfast.app.access import build_access
from handfast.decision.publication import (
    ACTIVESYNC_RULES,
    AccessRule,
    AuthMethod,
    ChannelBindingMode,
    CredentialPolicy,
    DevicePolicy,
    LockoutPolicy,
    PartnershipMode,
    Publication,
)
from handfast.decision.rules.exchange import EXCHANGE_RULES, REDIRECT_RULES
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS
from handfast.identity.directory.standing import DirectoryPolicy
from handfast.identity.policies import PhoneRefusals
from handfast.settings.directory import DirectorySettings
from handfast.settings.model import Settings
from handfast.settings.publication import LockoutSettings, PolicySettings, PublicationSettings

RULES_BY_KIND = {"activesync": ACTIVESYNC_RULES, "exchange": EXCHANGE_RULES}
"""What each kind of publication lets through; everything else is refused."""
DENIALS_BY_KIND = {"activesync": (), "exchange": EXCHANGE_DENIALS}
"""What each kind refuses by name, before anything may pass."""


def build_publications(settings: Settings) -> dict[str, Publication]:
    """Every publication by name. The settings must have passed their checks: a missing policy is a KeyError."""
    inside = frozenset(listener.name for listener in settings.listeners if listener.inside)
    policies = {policy.name: build_device_policy(policy, inside) for policy in settings.policies}
    lockout = build_lockout(settings.lockout)
    redirecting = frozenset(name for one in settings.publications for name in one.redirect_listeners)
    return {
        publication.name: build_publication(
            publication,
            policies[publication.policy],
            lockout,
            settings.identity.default_domain,
            redirecting,
            inside,
            build_directory_policy(settings.directory),
            build_access(settings, publication.name, policies),
            settings.directory.lockout_margin,
        )
        for publication in settings.publications
    }


def build_publication(
    publication: PublicationSettings,
    devices: DevicePolicy,
    lockout: LockoutPolicy,
    default_domain: str,
    redirecting: frozenset[str] = frozenset(),
    inside: frozenset[str] = frozenset(),
    directory: DirectoryPolicy = DirectoryPolicy(),  # noqa: B008 - frozen
    access: tuple[AccessRule, ...] = (),
    lockout_margin: int = 2,
) -> Publication:
    """One publication as the pipeline sees it; `redirecting` are the listeners that serve nothing but redirects, `inside`
    those that only the inside network reaches; `access` are the rules that name it.
    """
    return Publication(
        name=publication.name,
        hosts=publication.hosts,
        rules=RULES_BY_KIND[publication.kind],
        listeners=frozenset(publication.listeners),
        networks=tuple(ip_network(network) for network in publication.networks),
        credentials=CredentialPolicy(
            methods=frozenset(AuthMethod(method) for method in publication.auth),
            human_secrets=publication.human_secrets,
            channel_binding=ChannelBindingMode(publication.channel_binding),
            require_mic=publication.require_mic,
            ntlm_targets=frozenset(publication.ntlm_targets),
            ticket_listeners=inside,
            default_domain=default_domain,
            domain_password_listeners=frozenset(publication.domain_password_listeners),
            lockout_margin=lockout_margin,
        ),
        access=access,
        devices=devices,
        lockout=lockout,
        directory=directory,
        needs_stored_secret=publication.backend.auth == "stored",
        denials=DENIALS_BY_KIND[publication.kind],
        redirect_listeners=redirecting,
        redirect_rules=REDIRECT_RULES if publication.redirect_listeners else (),
    )


def build_directory_policy(directory: DirectorySettings) -> DirectoryPolicy:
    """How the mirror of the directory is judged."""
    return DirectoryPolicy(
        refuses_expired_passwords=directory.refuse_expired_passwords,
        believed_for=timedelta(minutes=directory.stale_minutes),
    )


def build_device_policy(policy: PolicySettings, inside_listeners: frozenset[str]) -> DevicePolicy:
    """Partnership rules of one `[[policy]]`."""
    return DevicePolicy(
        mode=PartnershipMode(policy.mode),
        device_limit=policy.device_limit,
        pending_limit=policy.pending_limit,
        allow_types=policy.allow_types,
        deny_types=policy.deny_types,
        allow_user_agents=policy.allow_user_agents,
        deny_user_agents=policy.deny_user_agents,
        allow_protocol_versions=policy.allow_protocol_versions,
        deny_protocol_versions=policy.deny_protocol_versions,
        allow_models=policy.allow_models,
        deny_models=policy.deny_models,
        allow_os=policy.allow_os,
        deny_os=policy.deny_os,
        allow_imeis=policy.allow_imeis,
        deny_imeis=policy.deny_imeis,
        allow_phone_numbers=policy.allow_phone_numbers,
        deny_phone_numbers=policy.deny_phone_numbers,
        allow_friendly_names=policy.allow_friendly_names,
        deny_friendly_names=policy.deny_friendly_names,
        inside_listeners=inside_listeners,
        companion_window=timedelta(hours=policy.companion_window_hours),
        two_networks_window=timedelta(seconds=policy.two_networks_window_seconds),
        phone_refusals=PhoneRefusals(policy.phone_refusals),
        quarantine_message=policy.quarantine_message,
    )


def build_lockout(lockout: LockoutSettings) -> LockoutPolicy:
    """Limits for human-chosen secrets."""
    return LockoutPolicy(
        window=timedelta(minutes=lockout.window_minutes),
        per_account_and_source=lockout.per_account_and_source,
        per_account=lockout.per_account,
        per_source=lockout.per_source,
        familiar_for=timedelta(days=lockout.familiar_days),
    )
