"""Everything the settings say of who may what, for whoever explains it."""

from __future__ import annotations

from handfast.app.access import build_named_subjects, build_roles
from handfast.app.domain import build_directory_policy, build_publications
from handfast.decision.policy_desk import InstallationPolicy
from handfast.settings.model import Settings


def build_policy(settings: Settings) -> InstallationPolicy:
    """The policy of the whole installation. The settings must have passed their checks."""
    return InstallationPolicy(
        publications=build_publications(settings),
        listeners=tuple(one.name for one in settings.listeners),
        roles=build_roles(settings),
        default_domain=settings.identity.default_domain,
        directory=build_directory_policy(settings.directory),
        has_directory=bool(settings.directory.servers),
        named_subjects=build_named_subjects(settings),
    )
