"""Kerberos without a KDC: accounts, services and what the domain lets whom do, in a few dictionaries.

`sign_in` looks the key up in the key table file it is given, so key versions behave as they do. While `silence` is set,
whatever would ask a KDC waits; it then goes on, or fails as unreachable where `is_unreachable`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from handfast.kerberos.failures import KDC_ERR_S_PRINCIPAL_UNKNOWN, KRB5_KDC_UNREACH
from handfast.kerberos.mechanism import Acceptance, Credential, Initiation, MechanismError
from handfast.protocols.kerberos.keytab import parse_keytab

PREAUTH_FAILED, CLIENT_REVOKED, BADOPTION = 24, 18, 13
SERVICE_ACCOUNT = "svc-gw@CONTOSO.LAB"


def sid_of(user: str) -> str:
    """Of the account that has that name."""
    return f"S-1-5-21-1-2-3-{sum(map(ord, user))}"


@dataclass
class FakeMechanism:
    """`mechanism.Mechanism`. `calls` are (method, principal) in their order."""

    kvno: int = 1
    """Of the key that the domain has."""
    users: set[str] = field(default_factory=lambda: {"alice@CONTOSO.LAB", "bob@CONTOSO.LAB"})
    sids: dict[str, str] = field(default_factory=dict)
    """Whose evidence a KDC gives for a principal, where that is not `sid_of` its name."""
    services: set[str] = field(default_factory=lambda: {"HTTP/fe@CONTOSO.LAB", "HTTP/ex@CONTOSO.LAB"})
    seconds: float = 36000.0
    """How long every ticket lasts."""
    errors: dict[str, MechanismError] = field(default_factory=dict)
    """What a method fails with."""
    initiators: dict[bytes, str] = field(default_factory=dict)
    """Whose token it is."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    silence: threading.Event = field(default_factory=threading.Event)
    is_unreachable: bool = False

    def __post_init__(self) -> None:
        self.silence.set()  # set: a KDC answers

    def count(self, method: str) -> int:
        """How often it was called."""
        return sum(called == method for called, _ in self.calls)

    def sign_in(self, principal: str, keytab: str) -> Credential:
        entries = parse_keytab(Path(keytab.removeprefix("FILE:")).read_bytes())
        self._ask_kdc("sign_in", principal)
        if not any(entry.kvno == self.kvno for entry in entries):
            raise MechanismError(PREAUTH_FAILED, "Preauthentication failed")
        return Credential(principal, self.seconds)

    def impersonate(self, service: Credential, principal: str) -> Credential:
        self._ask_kdc("impersonate", principal)
        if principal not in self.users:
            raise MechanismError(CLIENT_REVOKED, "Client's credentials have been revoked")
        return Credential({"principal": principal, "services": set()}, self.seconds)

    def identify(self, service: Credential, user: Credential, keytab: str) -> str:
        principal = user.handle["principal"]
        self._call("identify", principal)
        return self.sids.get(principal, sid_of(principal.partition("@")[0]))

    def initiate(self, user: Credential, service_principal: str, channel_binding: bytes) -> Initiation:
        if service_principal in user.handle["services"]:
            self._call("token", user.handle["principal"])
        else:
            self._ask_kdc("initiate", service_principal)
            if service_principal not in self.services:
                raise MechanismError(KDC_ERR_S_PRINCIPAL_UNKNOWN, "Server not found in Kerberos database")
            user.handle["services"].add(service_principal)
        token = f"{user.handle['principal']} to {service_principal}".encode() + channel_binding
        return Initiation(token, token, self.seconds)

    def confirm(self, initiation: Initiation, token: bytes) -> bool:
        return token == b"proof of " + initiation.context

    def open_acceptor(self, keytab: str) -> object:
        entries = parse_keytab(Path(keytab.removeprefix("FILE:")).read_bytes())
        self._call("open_acceptor", ", ".join(sorted({str(entry.principal) for entry in entries})))
        return entries

    def accept(self, acceptor: object, mech_token: bytes, channel_binding: bytes) -> Acceptance:
        self._call("accept", "")
        self.silence.wait(10)
        return Acceptance(
            self.initiators[mech_token], "S-1-5-21-1-2-3-1101", bool(channel_binding), b"answer"
        )

    def _call(self, method: str, principal: str) -> None:
        self.calls.append((method, principal))
        if method in self.errors:
            raise self.errors[method]

    def _ask_kdc(self, method: str, principal: str) -> None:
        self._call(method, principal)
        if not self.silence.wait(10):
            raise AssertionError("nobody ended the silence")
        if self.is_unreachable:
            raise MechanismError(KRB5_KDC_UNREACH, "Cannot contact any KDC for realm 'CONTOSO.LAB'")
