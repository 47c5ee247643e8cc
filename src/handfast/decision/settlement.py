"""The stages after the credential, in one transaction: judged over records read there, applied and audited there.

The epoch is read before any fact it stands for: a revocation that commits later has a higher epoch and hits the grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from handfast.decision.outcome import Deny, StageResult
from handfast.decision.question import Question
from handfast.decision.reasons import Reason
from handfast.decision.stages import access as access_stage
from handfast.decision.stages import account as account_stage
from handfast.decision.stages import credential as credential_stage
from handfast.decision.stages import device as device_stage
from handfast.decision.stages import limits as limits_stage
from handfast.decision.stages.credential import Authenticated, CredentialKind
from handfast.identity.app_passwords import find_refusal
from handfast.identity.audit import AuditEvent
from handfast.identity.companions import is_deviceless
from handfast.identity.counters import give_back
from handfast.identity.directory.standing import read_standing
from handfast.identity.domain_lockout import password_version
from handfast.identity.names import principal_of
from handfast.identity.partnership_decision import PartnershipDecision
from handfast.identity.partnership_store import apply_partnership
from handfast.identity.policies import DevicePolicy
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, AppPassword, Partnership, RevocationScope
from handfast.identity.sources import home_network


@dataclass(frozen=True, slots=True)
class Judgement:
    """What each stage said, in order; the records they saw; and the partnership decision to apply."""

    epoch: int
    results: tuple[tuple[str, StageResult], ...]
    account: Account | None = None
    password: AppPassword | None = None
    partnership: PartnershipDecision | None = None
    wiping: Partnership | None = None
    """The device that is to be wiped, where it proved its id; then nothing else was asked."""
    devices: DevicePolicy | None = None
    """The policy that an access rule holds the account's devices to; None: the publication's."""

    ends_at: datetime | None = None
    """When the account, or its domain password, is over."""

    @property
    def denial(self) -> Deny | None:
        """The first refusal."""
        return next((result for _, result in self.results if isinstance(result, Deny)), None)

    @property
    def changes_something(self) -> bool:
        """True where a refusal still stores something besides its own record."""
        return self.partnership is not None and self.partnership.changes_something


def judge(repositories: Repositories, question: Question) -> Judgement:
    """Reads and decides, and writes nothing."""
    epoch = repositories.revocations.current_epoch()
    account = repositories.accounts.find(question.authenticated.account.id)
    password = _reread_password(repositories, question.authenticated)
    wiping = _find_wipe(repositories, question, account, password)
    if wiping is not None:
        results: tuple[tuple[str, StageResult], ...] = (
            (device_stage.NAME, device_stage.refuse_for_wipe(wiping)),
        )
        return Judgement(epoch, results, account, password, wiping=wiping)
    gone = _find_gone(question, account, password)
    if gone is not None or account is None:
        return Judgement(epoch, ((credential_stage.NAME, gone or Deny(Reason.CREDENTIAL_WRONG)),))
    rule = access_stage.choose_rule(repositories, question.publication, question.request, account)
    own_devices = None if rule is None else rule.devices
    standing = read_standing(repositories, account, question.publication.directory, question.now)
    verdict = account_stage.decide_account(standing, password, question.request.channel)
    results = ((account_stage.NAME, verdict),)
    if isinstance(verdict, Deny):
        return Judgement(epoch, results, account, password, devices=own_devices)
    verdict = access_stage.decide_access(question.publication, rule, question.authenticated.kind)
    results = (*results, (access_stage.NAME, verdict))
    if isinstance(verdict, Deny):
        return Judgement(epoch, results, account, password, devices=own_devices)
    policy = access_stage.devices_of(question.publication, rule)
    partnership = device_stage.judge_device(
        repositories,
        policy,
        question.request,
        account,
        password,
        returned=question.has_returned(policy.two_networks_window),
        proves_person=question.authenticated.proves_person,
        now=question.now,
    )
    return Judgement(
        epoch,
        _with_limits(repositories, question, account, results, partnership),
        account,
        password,
        partnership,
        devices=own_devices,
        ends_at=standing.ends_at,
    )


def _find_wipe(
    repositories: Repositories, question: Question, account: Account | None, password: AppPassword | None
) -> Partnership | None:
    """See `device_stage.find_wipe`; a password or PIN that is gone proves nothing."""
    if account is None:
        return None
    if _is_pin_changed(question.authenticated, account):
        return None
    if question.authenticated.password is not None and password is None:
        return None
    return device_stage.find_wipe(repositories, question.request, account, password)


def _is_pin_changed(authenticated: Authenticated, account: Account) -> bool:
    if authenticated.password is not None or authenticated.proves_person:
        return False
    return account.pin_verifier != authenticated.account.pin_verifier


def _is_domain_password_changed(authenticated: Authenticated, account: Account) -> bool:
    """Set anew since a controller was asked about it: what it said then was said of another one."""
    is_domain_password = authenticated.kind is CredentialKind.DOMAIN_PASSWORD
    return is_domain_password and password_version(authenticated.account) != password_version(account)


def _reread_password(repositories: Repositories, authenticated: Authenticated) -> AppPassword | None:
    if authenticated.password is None:
        return None
    return repositories.app_passwords.find(authenticated.password.id)


def _find_gone(question: Question, account: Account | None, password: AppPassword | None) -> Deny | None:
    """What was taken away between the verification and this transaction."""
    if account is None:
        return Deny(Reason.CREDENTIAL_WRONG, rule="account removed")
    if _is_pin_changed(question.authenticated, account):
        return Deny(Reason.CREDENTIAL_WRONG, rule="pin changed")
    if _is_domain_password_changed(question.authenticated, account):
        return Deny(Reason.CREDENTIAL_WRONG, rule="domain password changed")
    if question.authenticated.password is None:
        return None
    if password is None:
        return Deny(Reason.CREDENTIAL_WRONG, rule="app password removed")
    refusal = find_refusal(password, question.now)
    return None if refusal is None else Deny(Reason.from_value(refusal.value))


def _with_limits(
    repositories: Repositories,
    question: Question,
    account: Account,
    results: tuple[tuple[str, StageResult], ...],
    partnership: PartnershipDecision,
) -> tuple[tuple[str, StageResult], ...]:
    device = device_stage.render_device(partnership)
    results = (*results, (device_stage.NAME, device))
    if isinstance(device, Deny):
        return results
    limits = limits_stage.decide_limits(repositories, question.publication, account)
    return (*results, (limits_stage.NAME, limits))


def settle(repositories: Repositories, question: Question) -> Judgement:
    """Judges and stores what follows. A device that moved gets its older grants taken first, under the next epoch."""
    if question.has_moved and question.is_rightful and _watches_networks(repositories, question):
        repositories.revocations.publish(
            RevocationScope.PARTNERSHIP,
            now=question.now,
            account_id=question.authenticated.account.id,
            device_id=question.device_id,
        )
    judgement = judge(repositories, question)
    if judgement.account is None:
        return judgement
    if judgement.partnership is not None:
        judgement = _apply_device(repositories, question, judgement, judgement.account, judgement.partnership)
    if judgement.denial is None:
        _remember_success(repositories, question, judgement)
    _record(repositories, question, judgement)
    return judgement


def _watches_networks(repositories: Repositories, question: Question) -> bool:
    """True where the policy that the account's devices are held to asks for two networks at once."""
    publication, account = question.publication, question.authenticated.account
    rule = access_stage.choose_rule(repositories, publication, question.request, account)
    return bool(access_stage.devices_of(publication, rule).two_networks_window)


def _apply_device(
    repositories: Repositories,
    question: Question,
    judgement: Judgement,
    account: Account,
    partnership: PartnershipDecision,
) -> Judgement:
    if question.device_id is None:
        return judgement
    applied = apply_partnership(
        repositories, account, judgement.password, question.device_id, partnership, question.now
    )
    if applied is partnership:
        return judgement
    before = tuple(pair for pair in judgement.results if pair[0] in (account_stage.NAME, access_stage.NAME))
    results = (*before, (device_stage.NAME, device_stage.render_device(applied)))
    return replace(judgement, results=results, account=account, partnership=applied)


def _remember_success(repositories: Repositories, question: Question, judgement: Judgement) -> None:
    assert judgement.account is not None
    account_id = judgement.account.id
    give_back(repositories.counters, question.authenticated.scopes)
    password = judgement.password
    if password is not None and (password.bound_device_id is not None or is_deviceless(password)):
        repositories.app_passwords.touch(password.id, question.now)
    takes_human_secrets = question.publication.credentials.human_secrets or bool(
        question.authenticated.scopes
    )
    if takes_human_secrets and question.device_id is not None:
        repositories.counters.remember_success(
            account_id, question.device_id, home_network(question.request.source), question.now
        )


def _record(repositories: Repositories, question: Question, judgement: Judgement) -> None:
    assert judgement.account is not None
    denial = judgement.denial
    subject = principal_of(judgement.account)
    repositories.audit.append(
        AuditEvent.ACCESS_ALLOWED if denial is None else AuditEvent.ACCESS_REFUSED,
        now=question.now,
        actor=f"gateway:{question.request.node}",
        subject=f"{subject} {question.device_id}" if question.device_id else subject,
        details=_details(question, judgement, denial),
    )


def _details(question: Question, judgement: Judgement, denial: Deny | None) -> Mapping[str, str]:
    request = question.request
    assert judgement.account is not None
    details = {
        "account": principal_of(judgement.account),
        "request_id": request.request_id,
        "publication": request.publication,
        "source": request.source,
        "reason": Reason.ALLOWED.value if denial is None else denial.reason.value,
    }
    if judgement.password is not None:
        details["app_password"] = str(judgement.password.id)
    return details
