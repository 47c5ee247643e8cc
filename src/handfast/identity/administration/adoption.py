"""Adopting a local account: it becomes the directory's account of the same name, and keeps its devices and passwords."""

from __future__ import annotations

from datetime import datetime

from handfast.identity.administration.account_rows import account_row
from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office
from handfast.identity.audit import AuditEvent
from handfast.identity.directory.changes import MirrorPolicy
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.directory.mirroring import as_entry, mirror_accounts
from handfast.identity.names import fold, principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account, RevocationScope


class AdoptionAdministration(Office):
    """One call, on accounts that are here twice: local, and mirrored without a name because of it."""

    async def account_adopt(self, *, actor: str, account: str) -> JsonRow:
        """The local account is the directory's from now on; what it has open is cut and decided anew."""
        now = self._clock.now()

        def work(repositories: Repositories) -> JsonRow:
            local = self._account(repositories, account)
            twin = _twin_of(repositories, local)
            assert twin.sid is not None
            assert twin.directory is not None
            as_told = as_entry(twin, repositories.accounts.groups_of(twin.id))
            for one in (local, twin):
                repositories.revocations.publish(RevocationScope.ACCOUNT, now=now, account_id=one.id)
            repositories.accounts.remove(twin.id)
            repositories.accounts.set_directory(local.id, twin.sid, twin.directory)
            _name(repositories, local, as_told, now)
            repositories.audit.append(
                AuditEvent.ACCOUNT_ADOPTED,
                now=now,
                actor=actor,
                subject=principal_of(local),
                details={"sid": twin.sid},
            )
            adopted = repositories.accounts.find(local.id)
            assert adopted is not None
            return account_row(adopted, now)

        return await self._records.write(work)


def _name(repositories: Repositories, local: Account, as_told: DirectoryAccount, now: datetime) -> None:
    """Its names and groups become those of the directory, by the same rules as any account's of it."""
    repositories.accounts.rename(
        local.id,
        user=local.user,
        domain=local.domain,
        upn=local.upn,
        display_name=local.display_name,
        is_named=False,
    )
    if mirror_accounts(repositories, [as_told], MirrorPolicy(), now).conflicts:
        raise AdministrationError(
            "refused",
            f"the directory's {as_told.upn} has another name that a third account has",
            "`handfast account list` shows who; remove or rename that one first",
        )


def _twin_of(repositories: Repositories, local: Account) -> Account:
    """The directory's account that the local one keeps from its name. Raises: AdministrationError."""
    if local.sid is not None:
        raise AdministrationError("refused", f"{principal_of(local)} is an account of the directory already")
    twins = [one for one in repositories.accounts.list_unnamed() if _share_a_name(one, local)]
    if len(twins) != 1:
        raise AdministrationError(
            "not-found",
            f"the directory has no account called {principal_of(local)}, or several",
            '`handfast account list` shows it as "name taken" once it was read; the names must be the same',
        )
    twin = twins[0]
    if repositories.partnerships.list_of_account(twin.id) or repositories.app_passwords.list_of_account(
        twin.id
    ):
        raise AdministrationError(
            "refused",
            f"the directory's {principal_of(twin)} has devices or app passwords of its own",
            "remove the local account instead: the directory's gets its name then",
        )
    return twin


def _share_a_name(one: Account, other: Account) -> bool:
    by_user = (fold(one.domain), fold(one.user)) == (fold(other.domain), fold(other.user))
    return by_user or (bool(one.upn) and fold(one.upn) == fold(other.upn))
