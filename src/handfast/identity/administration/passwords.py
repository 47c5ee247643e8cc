"""App passwords: issue, list, revoke."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from handfast.identity.administration.devices import checked_device_id
from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.office import JsonRow, Office, as_json
from handfast.identity.app_passwords import (
    MAX_NTLM_CANDIDATES,
    NTLM_FORMS,
    PasswordOrder,
    TooManyNtlmPasswords,
    channels_of,
    find_refusal,
    generate_password,
    issue_password,
    revoke_password,
)
from handfast.identity.channels import Channel, Profile
from handfast.identity.ports import Repositories
from handfast.identity.records import AppPassword, AppPasswordId

MAX_LABEL_CHARACTERS = 100
MAX_EXPIRES_DAYS = 3650


class AppPasswordAdministration(Office):
    """Calls on app passwords."""

    async def app_password_issue(
        self,
        *,
        actor: str,
        account: str,
        profile: str = "phone",
        channels: Sequence[str] | None = None,
        label: str = "",
        device_id: str | None = None,
        expires_days: float | None = None,
        ntlm: bool = False,
    ) -> JsonRow:
        """A new password, shown this once. `channels`, where given, stand in place of the profile."""
        now = self._clock.now()
        order = PasswordOrder(
            channels=self._channels(profile, channels),
            label=_checked_label(label),
            reserved_device_id=None if device_id is None else checked_device_id(device_id),
            expires_at=None if expires_days is None else now + timedelta(days=_checked_days(expires_days)),
            ntlm_allowed=ntlm,
        )
        secret = generate_password(self._randomness)

        def work(repositories: Repositories) -> AppPassword:
            return issue_password(
                repositories,
                self._keyring,
                self._account(repositories, account),
                order,
                secret,
                now=now,
                unused_life=self._unused_password_life,
                actor=actor,
            )

        try:
            issued = await self._records.write(work)
        except TooManyNtlmPasswords:
            limit = MAX_NTLM_CANDIDATES // NTLM_FORMS
            raise AdministrationError(
                "refused",
                f"{account} has {limit} app passwords that allow NTLM, and more are never tried",
                "revoke one that is not used (`handfast app-password list`), or issue this one without NTLM",
            ) from None
        return {**as_json(issued), "password": secret}

    def _channels(self, profile: str, channels: Sequence[str] | None) -> frozenset[Channel]:
        try:
            return channels_of(profile, channels)
        except ValueError as error:
            raise AdministrationError(
                "usage",
                str(error),
                f"profiles: {', '.join(Profile)}; channels: {', '.join(Channel)}",
            ) from None

    async def app_password_list(self, *, actor: str, account: str) -> list[JsonRow]:
        """The account's passwords, without the secrets; `state` is live, fresh (unused), expired or revoked."""
        del actor
        now = self._clock.now()

        def work(repositories: Repositories) -> list[JsonRow]:
            found = self._account(repositories, account)
            passwords = repositories.app_passwords.list_of_account(found.id)
            rows = []
            for password in passwords:
                refusal = find_refusal(password, now)
                live = "fresh" if password.first_used_at is None else "live"
                state = live if refusal is None else refusal.value.removeprefix("app-password-")
                rows.append({**as_json(password), "state": state})
            return rows

        return await self._records.read(work)

    async def app_password_revoke(self, *, actor: str, account: str, id: int) -> JsonRow:  # noqa: A002 - the caller's word
        """Ends a password and cuts what it has open."""
        password_id = AppPasswordId(id)

        def work(repositories: Repositories) -> JsonRow:
            found = self._account(repositories, account)
            password = repositories.app_passwords.find(password_id)
            if password is None or password.account_id != found.id:
                raise AdministrationError(
                    "not-found",
                    f"{account} has no app password {id}",
                    "`handfast app-password list ACCOUNT` shows them",
                )
            changed = revoke_password(repositories, found, password_id, now=self._clock.now(), actor=actor)
            return {"id": id, "revoked": True, "changed": changed}

        return await self._records.write(work)


def _checked_label(label: str) -> str:
    if len(label) > MAX_LABEL_CHARACTERS or not label.isprintable():
        raise AdministrationError("usage", f"a label has at most {MAX_LABEL_CHARACTERS} printable characters")
    return label


def _checked_days(days: float) -> float:
    if not 0 < days <= MAX_EXPIRES_DAYS:
        raise AdministrationError("usage", f"expiry is more than 0 and at most {MAX_EXPIRES_DAYS} days")
    return days
