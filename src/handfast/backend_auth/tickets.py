"""Kerberos tickets for sign-ins behind: one token a call, and a pause for what a server has refused.

A server that refuses a ticket refuses the next one as well until somebody mends it: for a minute the account gets no
other for that publication, so that one failed attempt stands behind us and not one for each retry of a phone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from handfast.decision.ports import BackendAuthorization, BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.identity.directory.ports import Delegation, DelegationRefused
from handfast.identity.ports import Unavailable
from handfast.identity.records import Account, AccountId
from handfast.observability import metrics
from handfast.observability.logging import event_log

PAUSE_SECONDS = 60.0
"""Not by the time of day: a clock that was wrong when a ticket was refused is set right soon after."""
MAX_PAUSED = 20_000
"""Accounts with a refused ticket; what is more lets the oldest try again early."""

_LOG = event_log("backend-auth")


class TicketDesk:
    """What there is of a `Delegation` (None: no keytab), and which of its tickets servers have refused lately."""

    def __init__(
        self, delegation: Delegation | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._delegation = delegation
        self._monotonic = monotonic
        self._handle_key = secrets.token_bytes(32)
        self._paused: OrderedDict[tuple[AccountId, str], float] = OrderedDict()

    async def sign_in(
        self, account: Account, publication: str, spn: str, channel_binding: bytes, *, node: str
    ) -> BackendAuthorization:
        """One token for one request to the servers of `spn`, sent by `node`. Raises: BackendSignInRefused."""
        delegation, facts = self._delegation, account.directory
        if delegation is None:
            raise BackendSignInRefused(Reason.KEYTAB_REFUSED)
        # Nobody in the realm is a local account, whatever its name.
        if facts is None or not facts.is_delegable:
            raise BackendSignInRefused(Reason.DELEGATION_REFUSED)
        if self._is_paused(account, publication):
            raise BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
        try:
            token = await delegation.sign_in(account, spn, channel_binding)
        except DelegationRefused as refused:
            _LOG.warning(
                "no-ticket-for-account",
                publication=publication,
                account=account.id,
                spn=spn,
                reason=refused.failure.value,
                detail=refused.detail,
            )
            raise BackendSignInRefused(Reason.from_value(refused.failure.value)) from None
        value = b"Negotiate " + base64.b64encode(token.token)
        mark = self._mark(account, publication, node, token.handle)
        return BackendAuthorization(
            ((b"Authorization", value),), handle=f"{mark}.{token.handle}", is_single_use=True
        )

    async def confirm(
        self, account: Account, publication: str, handle: str, token: bytes, *, node: str
    ) -> bool:
        """True where the server's own token is good; what is not the server gets no more tickets for a while.

        Raises: Unavailable where nobody can say what the proof is worth, and nothing is concluded: the ticket was made before
        a restart, or for another account, publication or node; its context is gone; the threads lag behind.
        """
        mark, _, own_handle = handle.partition(".")
        expected = self._mark(account, publication, node, own_handle)
        if self._delegation is None or not hmac.compare_digest(_octets(mark), _octets(expected)):
            raise Unavailable("the ticket was made before identity was restarted, or for somebody else")
        if await self._delegation.confirm(own_handle, token):
            return True
        self._pause(account, publication, alarm="backend-proof-wrong")
        return False

    def note_refused(self, account: Account, publication: str) -> None:
        """A server answered a ticket with 401: the next one will be made anew, and not before the pause is over."""
        self._pause(account, publication, alarm="backend-ticket-refused")

    def forget(self, account_id: AccountId) -> None:
        """Whatever ticket the account has signs it in no more; the next one is asked for anew."""
        if self._delegation is not None:
            self._delegation.forget(account_id)

    def _mark(self, account: Account, publication: str, node: str, own_handle: str) -> str:
        """Binds a handle to whom its ticket was made for, without a table of those that are never shown again."""
        bound = "\0".join((str(account.id), publication, node, own_handle))
        return hmac.new(self._handle_key, _octets(bound), hashlib.sha256).hexdigest()[:32]

    def _is_paused(self, account: Account, publication: str) -> bool:
        until = self._paused.get((account.id, publication))
        return until is not None and self._monotonic() < until

    def _pause(self, account: Account, publication: str, *, alarm: str) -> None:
        if self._is_paused(account, publication):
            return
        self.forget(account.id)
        key = account.id, publication
        self._paused[key] = self._monotonic() + PAUSE_SECONDS
        self._paused.move_to_end(key)
        while len(self._paused) > MAX_PAUSED:
            self._paused.popitem(last=False)
        metrics.ALARMS.labels(alarm).inc()
        _LOG.error(
            alarm,
            publication=publication,
            account=account.id,
            seconds=PAUSE_SECONDS,
            remedy="handfast kerberos check: the SPN, and the key of the servers behind it",
        )


def _octets(text: str) -> bytes:
    """What a gateway sends need not be good Unicode, and must not be a fault for it."""
    return text.encode("utf-8", "surrogatepass")
