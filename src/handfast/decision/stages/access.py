"""Fifth stage: may this account use this publication, from here, with what it signed in with?

The rule that decides also says which policy the account's devices are held to.
"""

from __future__ import annotations

from handfast.decision.access import AccessRequest
from handfast.decision.access_rules import AccessRule, Applicant, find_rule, name_groups
from handfast.decision.outcome import Deny, Pass, StageResult
from handfast.decision.publication import DevicePolicy, Publication
from handfast.decision.reasons import Reason
from handfast.decision.stages.credential import CredentialKind
from handfast.identity.ports import Repositories
from handfast.identity.records import Account

NAME = "access"
NO_RULE = "no rule fits"


def choose_rule(
    repositories: Repositories, publication: Publication, request: AccessRequest, account: Account
) -> AccessRule | None:
    """The rule that decides on this account's request. Groups are read only where a rule asks for them."""
    if not publication.access:
        return None
    groups = repositories.accounts.groups_of(account.id) if name_groups(publication.access) else frozenset()
    return find_rule(publication.access, Applicant(account, groups, request.listener, request.source))


def decide_access(publication: Publication, rule: AccessRule | None, kind: CredentialKind) -> StageResult:
    """A publication that no rule names is open; one that some rule names is shut to whom none fits."""
    if not publication.access:
        return Pass(rule="open", detail="no access rule names the publication")
    if rule is None:
        return Deny(Reason.ACCESS_REFUSED, rule=NO_RULE)
    if not rule.allow:
        return Deny(Reason.ACCESS_REFUSED, rule=rule.name, detail="the rule refuses")
    if not rule.takes(kind):
        return Deny(Reason.CREDENTIAL_KIND_REFUSED, rule=rule.name, detail=kind.value)
    return Pass(rule=rule.name)


def devices_of(publication: Publication, rule: AccessRule | None) -> DevicePolicy:
    """What the account's devices are held to: the rule's policy, else the publication's."""
    return publication.devices if rule is None or rule.devices is None else rule.devices
