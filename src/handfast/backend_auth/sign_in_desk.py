"""Identity's side of signing accounts in behind us: `kerberos`, `stored`, `header`, `none`, against a live grant only."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import assert_never

from handfast.backend_auth.live_grants import LiveGrants
from handfast.backend_auth.tickets import TicketDesk
from handfast.decision.outcome import Grant
from handfast.decision.ports import BackendAuthorization, BackendSignInRefused
from handfast.decision.reasons import Reason
from handfast.identity.directory.ports import Delegation
from handfast.identity.directory.standing import DirectoryPolicy, read_standing
from handfast.identity.names import find_claimants
from handfast.identity.ports import Clock, KeyRing, Records, Repositories
from handfast.identity.records import (
    Account,
    AccountId,
    Revocation,
    RevocationScope,
    SecretState,
    StoredSecret,
)
from handfast.identity.stored_secrets import suspend_secret, unseal_secret
from handfast.observability import metrics
from handfast.observability.logging import event_log

ACTOR = "gateway"

_LOG = event_log("backend-auth")
_PLAIN_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


class SignInKind(StrEnum):
    """How a publication's back ends learn who is there."""

    KERBEROS = "kerberos"
    STORED = "stored"
    HEADER = "header"
    NONE = "none"


class ValueForm(StrEnum):
    """Which name of the account a header carries."""

    USER = "user"
    UPN = "upn"
    DOMAIN_USER = "domain-user"


@dataclass(frozen=True, slots=True)
class BackendAuth:
    """How one publication signs in. `header` and `value_form` matter with HEADER alone, `spn` with KERBEROS."""

    kind: SignInKind
    header: str = ""
    value_form: ValueForm = ValueForm.USER
    spn: str = ""
    directory: DirectoryPolicy = DirectoryPolicy()  # noqa: RUF009 - frozen


class SignInDesk:
    """`BackendSignIn` in the identity process."""

    def __init__(
        self,
        records: Records,
        keyring: KeyRing,
        live_grants: LiveGrants,
        publications: Mapping[str, BackendAuth],
        clock: Clock,
        delegation: Delegation | None = None,
    ) -> None:
        """`delegation` is None where there is no keytab: then nobody is signed in by Kerberos."""
        self._records = records
        self._keyring = keyring
        self._live_grants = live_grants
        self._publications = dict(publications)
        self._clock = clock
        self._tickets = TicketDesk(delegation)

    def replace_publications(self, publications: Mapping[str, BackendAuth]) -> None:
        """A reload: sign-ins from now on are made as the new settings say."""
        self._publications = dict(publications)

    def revoke(self, revocations: Sequence[Revocation]) -> None:
        """Grants that these hit sign nobody in any more; an account that they name (something was taken from it: it was
        disabled, renamed, is gone) loses its tickets besides, which were got by what the domain said before.
        """
        self._live_grants.revoke(revocations)
        for revocation in revocations:
            if revocation.scope is RevocationScope.ACCOUNT and revocation.account_id is not None:
                self._tickets.forget(revocation.account_id)

    async def authorize(self, grant: Grant, channel_binding: bytes = b"") -> BackendAuthorization:
        """What the back-end connection of this grant sends. Raises: BackendSignInRefused, Unavailable."""
        known, auth = self._check(grant)
        authorization = await self._authorize(known, auth, channel_binding)
        self._check(grant)  # what was taken away while the KDC or the records were asked signs nobody in
        return authorization

    async def _authorize(
        self, known: Grant, auth: BackendAuth, channel_binding: bytes
    ) -> BackendAuthorization:
        match auth.kind:
            case SignInKind.KERBEROS:
                account = await self._account(known, auth)
                return await self._tickets.sign_in(
                    account, known.publication, auth.spn, channel_binding, node=known.node
                )
            case SignInKind.NONE:
                return BackendAuthorization(headers=())
            case SignInKind.HEADER:
                return await self._header(known, auth)
            case SignInKind.STORED:
                return await self._stored(known, auth)
            case _:
                assert_never(auth.kind)

    async def confirm(self, grant: Grant, handle: str, token: bytes) -> bool:
        """True where the server proved itself with `token` to the ticket it was shown.

        Raises: BackendSignInRefused where there is no such grant, Unavailable.
        """
        known, auth = self._check(grant)
        if auth.kind is not SignInKind.KERBEROS:
            raise BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
        account = await self._account(known, auth)
        return await self._tickets.confirm(account, known.publication, handle, token, node=known.node)

    async def report_refused(self, grant: Grant, version: str) -> None:
        """Suspends the secret that the back end refused, once; a secret changed since then is left alone.

        A refused ticket is forgotten, and there is no other for a minute.

        Raises: BackendSignInRefused where there is no such grant, Unavailable.
        """
        known, auth = self._check(grant)
        if auth.kind is SignInKind.KERBEROS:
            account = await self._records.look_up(lambda records: records.accounts.find(known.account_id))
            if account is not None:
                self._tickets.note_refused(account, known.publication)
            return
        if auth.kind is not SignInKind.STORED:
            _LOG.error("backend-refused-sign-in", publication=known.publication, account=known.account_id)
            return
        now = self._clock.now()

        def suspend(records: Repositories) -> bool:
            secret = records.stored_secrets.find(known.account_id, known.publication)
            if secret is None or (version and version_of(secret) != version):
                return False
            account = records.accounts.find(known.account_id)
            return account is not None and suspend_secret(
                records, account, known.publication, now=now, actor=ACTOR
            )

        if await self._records.write(suspend):
            metrics.ALARMS.labels("stored-secret-suspended").inc()
            _LOG.error(
                "stored-secret-suspended",
                publication=known.publication,
                account=known.account_id,
                remedy="store the account's new password",
            )

    def _check(self, grant: Grant) -> tuple[Grant, BackendAuth]:
        """The grant as identity made it. Raises: BackendSignInRefused for any other, or another publication."""
        known = self._live_grants.find(grant.grant_id, grant.node)
        if known is None or known.publication != grant.publication:
            raise BackendSignInRefused(Reason.GRANT_EXPIRED)
        auth = self._publications.get(known.publication)
        if auth is None:
            raise BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
        return known, auth

    async def _account(self, grant: Grant, auth: BackendAuth) -> Account:
        """The grant's account, which may still sign in. Raises: BackendSignInRefused, Unavailable."""
        now = self._clock.now()
        return await self._records.look_up(
            lambda records: _standing_account(records, grant.account_id, auth, now)
        )

    async def _header(self, grant: Grant, auth: BackendAuth) -> BackendAuthorization:
        now = self._clock.now()
        value = await self._records.look_up(
            lambda records: _name(
                records, _standing_account(records, grant.account_id, auth, now), auth.value_form
            )
        )
        # A name with other characters would be read differently by different servers; none is better than wrong.
        if not _PLAIN_VALUE.fullmatch(value):
            _LOG.error(
                "account-name-unfit-for-header", publication=grant.publication, account=grant.account_id
            )
            raise BackendSignInRefused(Reason.BACKEND_SIGN_IN_REFUSED)
        return BackendAuthorization(headers=((auth.header.encode("ascii"), value.encode("ascii")),))

    async def _stored(self, grant: Grant, auth: BackendAuth) -> BackendAuthorization:
        now = self._clock.now()
        _, secret = await self._records.look_up(
            lambda records: (
                _standing_account(records, grant.account_id, auth, now),
                records.stored_secrets.find(grant.account_id, grant.publication),
            )
        )
        if secret is None:
            raise BackendSignInRefused(Reason.BACKEND_SECRET_MISSING)
        if secret.state is not SecretState.ACTIVE:
            raise BackendSignInRefused(Reason.BACKEND_SECRET_SUSPENDED)
        try:
            password = unseal_secret(self._keyring, secret)
        except ValueError as problem:
            _LOG.error(
                "stored-secret-unreadable",
                publication=grant.publication,
                account=grant.account_id,
                why=str(problem),
            )
            raise BackendSignInRefused(Reason.BACKEND_SECRET_MISSING) from None
        # RFC 7617 2: the user name ends at the first colon, so one within it would name somebody else.
        if ":" in secret.user_name:
            raise BackendSignInRefused(Reason.BACKEND_SECRET_MISSING)
        basic = base64.b64encode(f"{secret.user_name}:{password}".encode())
        return BackendAuthorization(
            headers=((b"Authorization", b"Basic " + basic),), version=version_of(secret)
        )


def version_of(secret: StoredSecret) -> str:
    """Changes whenever the secret is stored anew, and says nothing about it: each sealing has a fresh nonce."""
    return sha256(secret.key_id.encode() + b"\0" + secret.sealed).hexdigest()[:16]


def _standing_account(
    records: Repositories, account_id: AccountId, auth: BackendAuth, now: datetime
) -> Account:
    """The account, judged as the grant's decision judged it. Raises: BackendSignInRefused."""
    account = records.accounts.find(account_id)
    if account is None:
        raise BackendSignInRefused(Reason.ACCOUNT_DISABLED)
    refusal = read_standing(records, account, auth.directory, now).refusal
    if refusal is not None:
        raise BackendSignInRefused(Reason.from_value(refusal.value))
    return account


def _name(records: Repositories, account: Account, form: ValueForm) -> str:
    """What a back end is told of the account; "" where it has no such name that means nobody else."""
    match form:
        case ValueForm.USER:
            return account.user
        case ValueForm.UPN:
            return "" if _may_be_anothers_upn(records, account) else account.upn
        case ValueForm.DOMAIN_USER:
            return f"{account.domain}\\{account.user}"
        case _:
            assert_never(form)


def _may_be_anothers_upn(records: Repositories, account: Account) -> bool:
    """True where the directory has not said the UPN of this account, or some other account claims it as well.

    One that was made up means whoever is given it tomorrow, and back ends keep what they were told. A local account's is
    an administrator's word, whatever the directory says of others.
    """
    is_local = account.directory is None
    return not is_local and (account.is_upn_made_up or bool(find_claimants(records, account.upn)))
