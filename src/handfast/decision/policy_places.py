"""What an account would meet at one publication on one listener: the verdict, the rule behind it, its credentials and devices.

The same stages say it as at a sign-in, in the same order, on the same records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from typing import Any

from handfast.decision.access_rules import AccessRule, Applicant, find_rule
from handfast.decision.outcome import Deny, StageResult
from handfast.decision.publication import AuthMethod, DevicePolicy, Publication
from handfast.decision.stages.access import decide_access, devices_of
from handfast.decision.stages.account import decide_account
from handfast.decision.stages.credential import CredentialKind
from handfast.decision.stages.source import decide_source
from handfast.identity.channels import Channel
from handfast.identity.directory.standing import Standing
from handfast.identity.partnership_store import HELD_STATES
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, DirectoryGroup

JsonRow = dict[str, Any]


def describe_place(
    repositories: Repositories,
    publication: Publication,
    account: Account,
    groups: frozenset[DirectoryGroup],
    standing: Standing,
    listener: str,
    source: str | None,
) -> JsonRow:
    """What the account would meet at the publication on that listener; `source` None: from anywhere."""
    rule = find_rule(publication.access, Applicant(account, groups, listener, source or ""))
    taken = _credentials(publication, rule, account, listener)
    verdict = _verdict(publication, rule, taken, standing, source)
    policy = devices_of(publication, rule)
    return {
        "publication": publication.name,
        "listener": listener,
        "outcome": "deny" if isinstance(verdict, Deny) else "allow",
        "reason": verdict.reason.value if isinstance(verdict, Deny) else "",
        "rule": verdict.rule,
        "fits_by": rule.subjects.describe(account, groups) if rule and verdict.rule == rule.name else "",
        "detail": verdict.detail,
        "asks_for_source": source is None and _depends_on_source(publication),
        "credentials": [kind.value for kind in taken],
        "devices": repositories.partnerships.count(account.id, HELD_STATES),
        "policy": _policy_row(policy),
    }


def _verdict(
    publication: Publication,
    rule: AccessRule | None,
    taken: Sequence[CredentialKind],
    standing: Standing,
    source: str | None,
) -> StageResult:
    """As the stages say it, in their order; without a credential that is taken, as the first one is refused."""
    if source is not None:
        by_source = decide_source(publication, source)
        if isinstance(by_source, Deny):
            return by_source
    by_standing = decide_account(standing, None, Channel.ACTIVESYNC)
    if isinstance(by_standing, Deny):
        return by_standing
    kind = taken[0] if taken else CredentialKind.APP_PASSWORD
    return decide_access(publication, rule, kind)


def _depends_on_source(publication: Publication) -> bool:
    return bool(publication.networks) or any(rule.networks for rule in publication.access)


def _credentials(
    publication: Publication, rule: AccessRule | None, account: Account, listener: str
) -> list[CredentialKind]:
    """What this account could sign in with there."""
    policy = publication.credentials
    is_mirrored = account.directory is not None
    offered = {
        CredentialKind.APP_PASSWORD: bool(policy.methods & {AuthMethod.BASIC, AuthMethod.NTLM}),
        CredentialKind.PIN: policy.human_secrets and account.pin_verifier is not None,
        CredentialKind.DOMAIN_PASSWORD: is_mirrored and listener in policy.domain_password_listeners,
        CredentialKind.TICKET: is_mirrored and policy.takes_tickets(listener),
    }
    may = (kind for kind, is_offered in offered.items() if is_offered)
    if not publication.access:
        return list(may)
    return [] if rule is None else [kind for kind in may if rule.takes(kind)]


def _policy_row(policy: DevicePolicy) -> JsonRow:
    return {one.name: _plain(getattr(policy, one.name)) for one in fields(policy)}


def _plain(value: object) -> object:
    """As JSON: sets in order, times in seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Iterable) and not isinstance(value, str):
        return sorted(str(one) for one in value)
    return value
