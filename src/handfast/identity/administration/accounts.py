"""Accounts: add, import, list, show, disable, enable, remove, and the PIN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office, as_json
from handfast.identity.audit import AuditEvent
from handfast.identity.names import MAX_NAME_CHARACTERS, principal_of
from handfast.identity.pins import find_weakness, set_pin
from handfast.identity.ports import Conflict, Repositories
from handfast.identity.records import Account, AccountState, RevocationScope

_BAD_IN_NAMES = frozenset('"/\\[]:;|=,+*?<>')
"""What a sAMAccountName can't hold. Source: MS-SAMR 3.1.1.6, [MS-ADTS] 3.1.1.2.2."""


def find_name_problem(user: str, domain: str, upn: str) -> str:
    """Why names can't be an account's, in one clause; "" where they can."""
    if not user or user != user.strip() or len(user) > MAX_NAME_CHARACTERS:
        return "an account needs a user name without spaces around it"
    if _BAD_IN_NAMES & set(user) or not user.isprintable():
        return f"the user name {user!r} holds a character that user names can't have"
    if "\\" in domain or "@" in domain or not domain.isprintable():
        return f"{domain!r} is no domain name"
    if upn and ("\\" in upn or not upn.isprintable() or not all(upn.rpartition("@"))):
        return f"{upn!r} is no user principal name (user@domain)"
    return ""


def account_row(account: Account) -> JsonRow:
    """An account as JSON; of the PIN only whether there is one."""
    row = as_json(account, without=frozenset({"pin_verifier"}))
    row["has_pin"] = account.pin_verifier is not None
    return row


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
            return {**account_row(account), "has_pin": verifier is not None}

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
        taken = repositories.accounts.find_by_domain_user(domain, user) is not None
        taken = taken or (bool(upn) and repositories.accounts.find_by_upn(upn) is not None)
        remedy = "`handfast account show` shows who has it"
        if taken:
            raise AdministrationError("refused", f"the name {upn or user!r} is taken", remedy)
        try:
            account = repositories.accounts.add(
                user=user, domain=domain, upn=upn, display_name=display_name, now=now
            )
        except Conflict:
            raise AdministrationError("refused", f"the name {upn or user!r} is taken", remedy) from None
        repositories.audit.append(
            AuditEvent.ACCOUNT_ADDED, now=now, actor=actor, subject=principal_of(account)
        )
        return account

    async def account_list(self, *, actor: str) -> list[JsonRow]:
        """All accounts."""
        del actor
        accounts = await self._records.read(lambda repositories: repositories.accounts.list())
        return [account_row(account) for account in accounts]

    async def account_show(self, *, actor: str, account: str) -> JsonRow:
        """One account with its devices, and its app passwords without the secrets."""
        del actor

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            row = account_row(found)
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
            return {**account_row(account), "state": state.value}

        return await self._records.write(work)

    async def account_remove(self, *, actor: str, account: str) -> JsonRow:
        """Removes the account and all that hangs on it; the audit trail stays."""
        now = self._clock.now()

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            repositories.revocations.publish(RevocationScope.ACCOUNT, now=now, account_id=found.id)
            repositories.accounts.remove(found.id)
            repositories.audit.append(
                AuditEvent.ACCOUNT_REMOVED, now=now, actor=actor, subject=principal_of(found)
            )
            return account_row(found)

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
            return {**account_row(found), "has_pin": verifier is not None}

        return await self._records.write(work)

    def _check_pin(self, pin: str, user: str) -> None:
        weakness = find_weakness(pin, user)
        if weakness:
            raise AdministrationError("refused", weakness, "choose another PIN")
