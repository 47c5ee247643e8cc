"""An authenticated request as the later stages are asked about it, with what memory knows of the device's networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handfast.decision.access import AccessRequest
from handfast.decision.outcome import MAX_GRANT_SECONDS
from handfast.decision.publication import Publication
from handfast.decision.stages.credential import Authenticated
from handfast.identity.networks import NetworkSightings


@dataclass(frozen=True, slots=True)
class Question:
    """An authenticated request, and what identity's memory says of the device's networks (see `identity.networks`).

    `returned_after` is how long ago it left the network that it is back on, None where it did not come back.
    """

    publication: Publication
    request: AccessRequest
    authenticated: Authenticated
    now: datetime
    has_moved: bool = False
    returned_after: timedelta | None = None

    def has_returned(self, window: timedelta) -> bool:
        """True where the device is back on a network that it left within `window`; no window sees nothing."""
        return bool(window) and self.returned_after is not None and self.returned_after <= window

    @property
    def device_id(self) -> str | None:
        """The claimed device's id."""
        return None if self.request.device is None else self.request.device.device_id

    @property
    def is_rightful(self) -> bool:
        """True where the password is bound to the very device that is claimed, or a person's own secret was used."""
        password = self.authenticated.password
        return self.device_id is not None and (password is None or password.bound_device_id == self.device_id)


def build_question(
    networks: NetworkSightings,
    publication: Publication,
    request: AccessRequest,
    authenticated: Authenticated,
    now: datetime,
) -> Question:
    """The question. Only a rightful device's networks are looked up: what a stranger claims must not quarantine anybody."""
    question = Question(publication, request, authenticated, now)
    if not question.is_rightful or question.device_id is None:
        return question
    account_id, device_id, source = authenticated.account.id, question.device_id, request.source
    grant_life = timedelta(seconds=MAX_GRANT_SECONDS)
    return replace(
        question,
        has_moved=networks.has_moved(account_id, device_id, source, within=grant_life, now=now),
        returned_after=networks.returned_after(account_id, device_id, source, now=now),
    )
