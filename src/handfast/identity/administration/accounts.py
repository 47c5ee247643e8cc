"""Accounts: add, import, list, show, disable, enable, remove, and the PIN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handfast.identity.administration.account_rows import account_row, group_names
from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import PAGE, JsonRow, Office, as_json, checked_limit
from handfast.identity.audit import AuditEvent
from handfast.identity.names import find_name_problem, principal_of
from handfast.identity.pins import find_weakness, set_pin
from handfast.identity.ports import Conflict, Repositories
from handfast.identity.records import Account, AccountId, AccountState, RevocationScope


class AccountAdministration(Office):
    """Calls on accounts."""

    async def account_add(
        self,
        *,
        actor: str,
        account_user: str,
        domain: str = "",
        upn: str = "",
        display_name: str = "",
        pin: str | None = None,
    ) -> JsonRow:
        """Adds one account."""
        self._check_names(account_user, domain, upn)
        verifier = None
        if pin is not None:
            self._check_pin(pin, account_user)
            verifier = await self._hasher.hash(pin)

        def work(repositories: Repositories) -> JsonRow:
            account = self._add(repositories, actor, account_user, domain, upn, display_name)
            if verifier is not None:
                set_pin(repositories, account, verifier, now=self._clock.now(), actor=actor)
            return {**self._row(account), "has_pin": verifier is not None}

        return await self._records.write(work)

    async def account_import(self, *, actor: str, rows: Sequence[Mapping[str, str]]) -> JsonRow:
        """Adds many: rows of `user`, `domain`, `upn`, `display_name`. A bad row is reported, the others go in."""

        def work(repositories: Repositories) -> JsonRow:
            problems: list[JsonRow] = []
            for number, row in enumerate(rows, start=1):
                try:
                    self._import_row(repositories, actor, row)
                except AdministrationError as error:
                    problems.append({"row": number, "problem": error.message})
            return {"imported": len(rows) - len(problems), "problems": problems}

        return await self._records.write(work)

    def _import_row(self, repositories: Repositories, actor: str, row: Mapping[str, str]) -> None:
        user, domain, upn = (row.get(name, "").strip() for name in ("user", "domain", "upn"))
        self._check_names(user, domain, upn)
        self._add(repositories, actor, user, domain, upn, row.get("display_name", "").strip())

    def _check_names(self, user: str, domain: str, upn: str) -> None:
        problem = find_name_problem(user, domain, upn)
        if problem:
            raise AdministrationError("usage", problem, "give the sAMAccountName, NetBIOS domain and UPN")

    def _add(
        self, repositories: Repositories, actor: str, user: str, domain: str, upn: str, display_name: str
    ) -> Account:
        now = self._clock.now()
        login = f"{domain}\\{user}" if domain else user
        by_login = repositories.accounts.find_by_domain_user(domain, user) is not None
        by_upn = bool(upn) and repositories.accounts.find_by_upn(upn) is not None
        remedy = "`handfast account show` shows who has it"
        if by_login or by_upn:
            raise AdministrationError("refused", f"the name {login if by_login else upn} is taken", remedy)
        try:
            account = repositories.accounts.add(
                user=user, domain=domain, upn=upn, display_name=display_name, now=now
            )
        except Conflict:
            raise AdministrationError("refused", f"the name {login} or its UPN is taken", remedy) from None
        repositories.audit.append(
            AuditEvent.ACCOUNT_ADDED, now=now, actor=actor, subject=principal_of(account)
        )
        return account

    async def account_list(self, *, actor: str, after: int = 0, limit: int = PAGE) -> list[JsonRow]:
        """The next accounts behind the id `after`, in the order of ids; fewer than `limit` are the last."""
        del actor
        count = checked_limit(limit)

        def work(repositories: Repositories) -> list[JsonRow]:
            now, complete_at = self._clock.now(), repositories.positions.newest_read_at()
            page = repositories.accounts.list(limit=count, after=AccountId(after))
            return [account_row(account, now, complete_at, self._unreadable) for account in page]

        return await self._records.read(work)

    async def account_show(self, *, actor: str, account: str) -> JsonRow:
        """One account with its devices, its groups, and its app passwords without the secrets."""
        del actor

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            complete_at = repositories.positions.newest_read_at()
            row = account_row(found, self._clock.now(), complete_at, self._unreadable)
            row["groups"] = group_names(repositories, found)
            row["app_passwords"] = [
                as_json(one) for one in repositories.app_passwords.list_of_account(found.id)
            ]
            row["devices"] = [as_json(one) for one in repositories.partnerships.list_of_account(found.id)]
            return row

        return await self._records.read(work)

    async def account_disable(self, *, actor: str, account: str) -> JsonRow:
        """Shuts the account and cuts what it has open."""
        return await self._set_state(actor, account, AccountState.DISABLED, AuditEvent.ACCOUNT_DISABLED)

    async def account_enable(self, *, actor: str, account: str) -> JsonRow:
        """Opens a disabled account again."""
        return await self._set_state(actor, account, AccountState.ENABLED, AuditEvent.ACCOUNT_ENABLED)

    async def _set_state(self, actor: str, name: str, state: AccountState, event: AuditEvent) -> JsonRow:
        now = self._clock.now()

        def work(repositories: Repositories) -> JsonRow:
            account = self._account(repositories, name)
            repositories.accounts.set_state(account.id, state)
            if state is AccountState.DISABLED:
                repositories.revocations.publish(RevocationScope.ACCOUNT, now=now, account_id=account.id)
            repositories.audit.append(event, now=now, actor=actor, subject=principal_of(account))
            return {**self._row(account), "state": state.value}

        return await self._records.write(work)

    async def account_remove(self, *, actor: str, account: str) -> JsonRow:
        """Removes the account and all that hangs on it; the audit trail stays.

        One that the directory has would come back with the next whole reading, and without its devices.
        """
        now = self._clock.now()

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            if found.sid is not None and not found.is_gone:
                raise AdministrationError(
                    "refused",
                    f"{principal_of(found)} is an account of the directory",
                    "`handfast account disable` keeps it out here; to remove it, delete it in the directory first",
                )
            repositories.revocations.publish(RevocationScope.ACCOUNT, now=now, account_id=found.id)
            repositories.accounts.remove(found.id)
            repositories.audit.append(
                AuditEvent.ACCOUNT_REMOVED, now=now, actor=actor, subject=principal_of(found)
            )
            return self._row(found)

        return await self._records.write(work)

    async def account_set_pin(self, *, actor: str, account: str, pin: str | None) -> JsonRow:
        """Sets or clears (None) the account's human-chosen secret."""
        target = await self._records.read(lambda repositories: self._account(repositories, account))
        if pin is not None:
            self._check_pin(pin, target.user)
        verifier = None if pin is None else await self._hasher.hash(pin)

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            set_pin(repositories, found, verifier, now=self._clock.now(), actor=actor)
            return {**self._row(found), "has_pin": verifier is not None}

        return await self._records.write(work)

    def _row(self, account: Account) -> JsonRow:
        return account_row(account, self._clock.now(), unreadable=self._unreadable)

    def _check_pin(self, pin: str, user: str) -> None:
        weakness = find_weakness(pin, user)
        if weakness:
            raise AdministrationError("refused", weakness, "choose another PIN")
