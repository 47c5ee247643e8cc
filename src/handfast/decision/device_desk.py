"""What gateways hear from devices, as identity takes it: what a device says of itself, and the course of a wipe.

Facts count with the live grant of their device, or with the note that identity sealed when it refused a device that has
to wait: whoever lets it in shall see what it is. All of it is recorded as claimed by the gateway node that reports it. Facts
come in events, may be lost, and cost a write only where they change something; the course of a wipe is stored before the
device is answered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeGuard

from handfast.decision.outcome import Grant
from handfast.decision.ports import GatewayEvent, WipeProgress, WipeReport
from handfast.decision.publication import Publication
from handfast.decision.reported import FACTS_EVENT
from handfast.decision.services import Services
from handfast.identity.audit import AuditEvent
from handfast.identity.device_facts import FACT_NAMES, DeviceFacts, facts_of, with_facts
from handfast.identity.device_rules import find_fact_hit
from handfast.identity.names import principal_of
from handfast.identity.policies import DevicePolicy
from handfast.identity.ports import Repositories
from handfast.identity.records import AccountId, Partnership, PartnershipState, RevocationScope
from handfast.identity.telling_notes import open_telling
from handfast.identity.wipe_notes import WipeNote, open_note
from handfast.identity.wipes import note_acknowledged, note_sent

FACTS_EVERY = timedelta(seconds=30)
"""A device whose facts change more often than that is believed once in this time."""
SAME_AGAIN_AFTER = timedelta(minutes=10)
"""What was said before is looked at again after this time: somebody may have changed the record meanwhile."""
MAX_REMEMBERED = 100_000

_DeviceKey = tuple[AccountId, str]

FindGrant = Callable[[str, str], Grant | None]
"""The live grant of an id that was given to a node; None for any other."""


class DeviceDesk:
    """Fits `decision.ports.DeviceReports`. One an identity process."""

    def __init__(
        self,
        services: Services,
        publications: Mapping[str, Publication],
        find_grant: FindGrant,
        *,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self._services = services
        self._publications = dict(publications)
        self._find_grant = find_grant
        self._max_remembered = max_remembered
        self._learned: OrderedDict[_DeviceKey, tuple[datetime, DeviceFacts]] = OrderedDict()

    def replace_publications(self, publications: Mapping[str, Publication]) -> None:
        """A reload: rules on facts are those of the new settings."""
        self._publications = dict(publications)

    async def report_wipe(self, report: WipeReport) -> bool:
        """Stores how far a wipe has come; False where the note names no wipe that is under way. Raises: Unavailable."""
        services = self._services
        now = services.clock.now()
        note = open_note(services.keyring, report.note, node=report.node, now=now)
        if note is None:
            return False
        return await services.records.write(
            lambda repositories: _store_progress(repositories, note, report, now)
        )

    async def learn(self, node: str, event: GatewayEvent) -> bool:
        """Takes a report of facts; True where something was stored. Raises: Unavailable."""
        if event.name != FACTS_EVENT:
            return False
        details, now = dict(event.details), self._services.clock.now()
        key = self._find_device(node, event.publication, details, now)
        publication = self._publications.get(event.publication)
        if key is None or publication is None:
            return False
        facts = DeviceFacts.claimed(details)
        if not self._is_news(key, facts, now):
            return False
        # Whoever's policy it is: where one of them refuses what was learned, the device is asked for anew.
        policies = frozenset(
            {publication.devices, *(one.devices for one in publication.access if one.devices)}
        )
        is_change = await self._services.records.look_up(
            lambda repositories: _changes(repositories.partnerships.find(*key), facts)
        )
        if is_change:
            await self._services.records.write(
                lambda repositories: store_facts(repositories, policies, key, facts, now=now, node=node)
            )
        return is_change

    def _find_device(
        self, node: str, publication: str, details: Mapping[str, str], now: datetime
    ) -> _DeviceKey | None:
        """Whose facts these are, by what identity gave that node for that publication; None where it gave nothing."""
        if "note" in details:
            try:
                sealed = bytes.fromhex(details["note"])
            except ValueError:
                return None
            note = open_telling(self._services.keyring, sealed, node=node, now=now)
            return (
                (note.account_id, note.device_id)
                if note is not None and note.publication == publication
                else None
            )
        grant = self._find_grant(details.get("grant_id", ""), node)
        if grant is None or grant.device_id is None or grant.publication != publication:
            return None
        return grant.account_id, grant.device_id

    def _is_news(self, key: _DeviceKey, facts: DeviceFacts, now: datetime) -> bool:
        """False where the device said the same a while ago, or something else just now."""
        known = self._learned.get(key)
        if known is not None and now - known[0] < (SAME_AGAIN_AFTER if known[1] == facts else FACTS_EVERY):
            return False
        self._learned[key] = (now, facts)
        self._learned.move_to_end(key)
        while len(self._learned) > self._max_remembered:
            self._learned.popitem(last=False)
        return True


def _store_progress(repositories: Repositories, note: WipeNote, report: WipeReport, now: datetime) -> bool:
    account = repositories.accounts.find(note.account_id)
    known = repositories.partnerships.find(note.account_id, note.device_id)
    if account is None or known is None or known.state is not PartnershipState.WIPING:
        return False
    if known.wipe_requested_at != note.requested_at:
        return False
    actor = f"gateway:{report.node}"
    if report.progress is WipeProgress.SENT:
        note_sent(repositories, account, known, now=now, actor=actor)
        return True
    if known.wipe_sent_at is None:
        # Nobody told it to: what it says it has done was not done for us.
        return False
    note_acknowledged(repositories, account, known, report.status, now=now, actor=actor)
    return True


def _changes(known: Partnership | None, facts: DeviceFacts) -> TypeGuard[Partnership]:
    return known is not None and _may_learn(known) and facts_of(with_facts(known, facts)) != facts_of(known)


def _may_learn(known: Partnership) -> bool:
    """True for a device that is in, or waits. In quarantine what was said before stays as it is: it is what the new
    words may contradict; one that never said anything is heard.
    """
    if known.state is PartnershipState.QUARANTINED:
        return facts_of(known) == DeviceFacts()
    return known.state in (PartnershipState.ALLOWED, PartnershipState.PENDING)


def store_facts(
    repositories: Repositories,
    policies: Collection[DevicePolicy],
    key: _DeviceKey,
    facts: DeviceFacts,
    *,
    now: datetime,
    node: str,
) -> Partnership | None:
    """The record after what the device said of itself; None where there is nothing to change.

    Another model under the same id is another device, or a lie: quarantine. Where one of `policies` refuses what was learned, what
    the device has open is cut; its next request is refused by that rule.
    """
    known, account = repositories.partnerships.find(*key), repositories.accounts.find(key[0])
    if account is None or not _changes(known, facts):
        return None
    learned = with_facts(known, facts)
    subject, actor = f"{principal_of(account)} {known.device_id}", f"gateway:{node}"
    contradiction = _contradiction(known, facts)
    if contradiction:
        learned = replace(known, state=PartnershipState.QUARANTINED, state_reason=contradiction)
        event, details = AuditEvent.DEVICE_QUARANTINED, {"reason": contradiction, "source": known.last_source}
    else:
        event, details = AuditEvent.DEVICE_FACTS_LEARNED, _changed_facts(known, learned)
    repositories.partnerships.save(learned)
    is_in = known.state is PartnershipState.ALLOWED
    told = facts_of(learned)
    is_refused = any(find_fact_hit(policy, told, learned.model) is not None for policy in policies)
    if is_in and (contradiction or is_refused):
        repositories.revocations.publish(
            RevocationScope.PARTNERSHIP, now=now, account_id=known.account_id, device_id=known.device_id
        )
    repositories.audit.append(event, now=now, actor=actor, subject=subject, details=details)
    return learned


def _contradiction(known: Partnership, facts: DeviceFacts) -> str:
    before = known.reported_model
    if before and facts.model and before.casefold() != facts.model.casefold():
        return f"model changed from {before} to {facts.model}"
    return ""


def _changed_facts(before: Partnership, after: Partnership) -> dict[str, str]:
    old, new = facts_of(before), facts_of(after)
    return {name: value for name in FACT_NAMES if (value := getattr(new, name)) != getattr(old, name)}
