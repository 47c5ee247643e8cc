"""What a key table must hold to be taken, at the start and when it changes, and which of its keys take tickets.

**Names.** All SPNs of an account share its key, and what makes key tables writes the account's own name alone if it is asked for
nothing else. So the account's own key is good for every service, also where an older one is left under a service's name.

**Realms.** Tickets are taken with keys of one realm, that of the service account. Whoever else has a key can make tickets for
anybody: what another realm shares with us must not be good for people of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from handfast.kerberos.setup_error import KerberosSetupError
from handfast.protocols.kerberos.keytab import KeytabEntry
from handfast.protocols.kerberos.principal import Principal


@dataclass(frozen=True, slots=True)
class NeededKeys:
    """`principal` is the service account (None: nobody is signed in behind); `accept` are the services that tickets are taken
    for, without realm; empty: all that there are keys for.
    """

    principal: Principal | None
    accept: tuple[str, ...]

    def check(self, entries: tuple[KeytabEntry, ...]) -> None:
        """Raises: KerberosSetupError."""
        if self.principal is not None and not self._own(entries):
            raise KerberosSetupError(
                f"the keytab has no key of {self.principal}",
                "Export it with the account's own name as well, or correct `kerberos.principal`",
            )
        self._check_realm(entries)
        self._check_services(entries)

    def accepting(self, entries: tuple[KeytabEntry, ...]) -> list[KeytabEntry]:
        """The keys that tickets are taken with: of the names that are wanted, and the account's own."""
        named = [entry for entry in self._named(entries) if self._is_of_own_realm(entry)]
        return [*named, *(entry for entry in self._own(entries) if entry not in named)]

    def _check_realm(self, entries: tuple[KeytabEntry, ...]) -> None:
        """Which keys count is told, or must be said: none is left out in silence."""
        if self.accept and self.principal is not None:
            return
        realms = {entry.principal.realm.casefold(): entry.principal.realm for entry in self._named(entries)}
        if len(realms) > 1:
            raise KerberosSetupError(
                f"the keytab holds keys of several realms ({', '.join(sorted(realms.values()))}), and tickets are taken for one",
                "Export it without the keys of other realms, or set both `kerberos.principal` to the service account of ours"
                " and `kerberos.accept` to its SPNs",
            )

    def _check_services(self, entries: tuple[KeytabEntry, ...]) -> None:
        there = {_service(entry) for entry in entries if self._is_of_own_realm(entry)}
        missing = [name for name in self.accept if name.casefold() not in there]
        if missing and self.principal is None:
            raise KerberosSetupError(
                f"the keytab has no key for {', '.join(missing)}",
                "Export it with these names, or take them out of `kerberos.accept`",
            )
        for name in missing:
            elsewhere = sorted({one.principal.realm for one in entries if _service(one) == name.casefold()})
            if elsewhere:
                raise KerberosSetupError(
                    f"the keytab has {name} in {', '.join(elsewhere)}, and the service account is {self.principal}",
                    f"One account does both: move the SPN to {self.principal}, or let `kerberos.principal` be the account that"
                    " has it; then export the keytab anew",
                )

    def _named(self, entries: tuple[KeytabEntry, ...]) -> list[KeytabEntry]:
        wanted = {name.casefold() for name in self.accept}
        return [entry for entry in entries if not wanted or _service(entry) in wanted]

    def _own(self, entries: tuple[KeytabEntry, ...]) -> list[KeytabEntry]:
        own = str(self.principal).casefold()
        return [entry for entry in entries if str(entry.principal).casefold() == own]

    def _is_of_own_realm(self, entry: KeytabEntry) -> bool:
        return self.principal is None or entry.principal.realm.casefold() == self.principal.realm.casefold()


def _service(entry: KeytabEntry) -> str:
    return "/".join(entry.principal.components).casefold()
