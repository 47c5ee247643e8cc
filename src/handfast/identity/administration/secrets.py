"""Stored back-end secrets: set, list, remove."""

from __future__ import annotations

from itertools import chain

from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office, as_json
from handfast.identity.names import principal_of
from handfast.identity.ports import Repositories
from handfast.identity.records import Account
from handfast.identity.stored_secrets import remove_secret, seal_secret, store_secret


class SecretAdministration(Office):
    """Calls on stored secrets. Nothing returns one."""

    async def secret_set(
        self, *, actor: str, account: str, publication: str, user_name: str, password: str
    ) -> JsonRow:
        """Stores or replaces it, active. An empty `user_name` is the account's own."""
        self._check_publication(publication)
        if not password:
            raise AdministrationError("usage", "the password is empty", "give the back end's password")

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            name = user_name or found.user
            secret = seal_secret(self._keyring, found.id, publication, name, password)
            store_secret(repositories, found, secret, now=self._clock.now(), actor=actor)
            return {"account": principal_of(found), **_row(secret)}

        return await self._records.write(work)

    def _check_publication(self, publication: str) -> None:
        if publication not in self._publications:
            raise AdministrationError(
                "not-found",
                f"no publication is called {publication!r}",
                f"the settings file names: {', '.join(sorted(self._publications)) or 'none'}",
            )

    async def secret_remove(self, *, actor: str, account: str, publication: str) -> JsonRow:
        """Forgets it."""

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            if not remove_secret(repositories, found, publication, now=self._clock.now(), actor=actor):
                raise AdministrationError(
                    "not-found",
                    f"{principal_of(found)} has no stored secret for {publication!r}",
                    "`handfast backend-secret list` shows them",
                )
            return {"account": principal_of(found), "publication": publication, "removed": True}

        return await self._records.write(work)

    async def secret_list(self, *, actor: str) -> list[JsonRow]:
        """Who has one for which publication of the settings file, and whether it is suspended."""
        del actor

        def work(repositories: Repositories, account: Account) -> list[JsonRow]:
            return [
                {"account": principal_of(account), **_row(secret)}
                for publication in sorted(self._publications)
                if (secret := repositories.stored_secrets.find(account.id, publication)) is not None
            ]

        return list(chain.from_iterable(await self._of_all_accounts(work)))


def _row(secret: object) -> JsonRow:
    return as_json(secret, without=frozenset({"sealed", "key_id"}))
