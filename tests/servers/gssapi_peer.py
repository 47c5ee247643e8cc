"""The other side of a Kerberos sign-in, by MIT's library with its own SPNEGO: a service that takes tokens, a client that has a
password. Nothing here imports the product.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

if os.environ.get("CI") == "true":
    import gssapi
else:
    gssapi = pytest.importorskip("gssapi", reason="needs the extra `kerberos`: run `make kerberos`")
raw = gssapi.raw

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
KERBEROS = gssapi.MechType.kerberos
CHANNEL_BOUND = 0x800


class ServiceRefused(Exception):
    """The service did not take the token."""


@dataclass(frozen=True)
class SignedIn:
    """Who it was, whether the token named the service's own channel binding, and the service's proof."""

    name: str
    is_bound: bool
    answer: bytes


class GssapiService:
    """Takes tokens for the keys of a keytab. With `demands_binding` (application data) it refuses others, and none."""

    def __init__(self, keytab: Path, demands_binding: bytes = b"") -> None:
        self._binding = demands_binding
        self._credential = gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{keytab}"})

    def accept(self, token: bytes) -> SignedIn:
        """Raises: ServiceRefused."""
        context = gssapi.SecurityContext(
            usage="accept", creds=self._credential, channel_bindings=bindings(self._binding)
        )
        try:
            answer = context.step(token)
            is_complete = (
                context.complete
            )  # raises what `step` kept back for the sake of SPNEGO's own refusal
        except gssapi.exceptions.GSSError as error:
            raise ServiceRefused(str(error)) from error
        if not is_complete:
            raise ServiceRefused("the context is not complete")
        is_bound = bool(int(context.actual_flags) & CHANNEL_BOUND)
        if self._binding and not is_bound:
            raise ServiceRefused("no channel binding")
        return SignedIn(str(context.initiator_name), is_bound, answer or b"")


class GssapiClient:
    """A user with a password; `KRB5_CONFIG` of the process says where the KDC is."""

    def __init__(self, principal: str, password: str) -> None:
        name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
        taken = raw.acquire_cred_with_password(
            name, password.encode(), mechs=[KERBEROS, SPNEGO], usage="initiate"
        )
        self._credential = gssapi.Credentials(base=taken.creds)

    def context(
        self, service: str, binding: bytes = b"", mechanism: gssapi.OID = SPNEGO, **more: object
    ) -> gssapi.SecurityContext:
        """To `service`, a principal."""
        return gssapi.SecurityContext(
            name=gssapi.Name(service, gssapi.NameType.kerberos_principal),
            creds=self._credential,
            usage="initiate",
            mech=mechanism,
            channel_bindings=bindings(binding),
            **more,
        )

    def token(self, service: str, binding: bytes = b"", mechanism: gssapi.OID = SPNEGO) -> bytes:
        """A first token."""
        return self.context(service, binding, mechanism).step() or b""


def bindings(application_data: bytes) -> raw.ChannelBindings | None:
    """None for b""."""
    return raw.ChannelBindings(application_data=application_data) if application_data else None


VARIABLES = ("KRB5_CONFIG", "KRB5RCACHENAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "KRB5CCNAME")


def environment() -> dict[str, str | None]:
    """What the library reads of the environment, to be put back."""
    return {name: os.environ.get(name) for name in VARIABLES}


def restore(before: dict[str, str | None]) -> None:
    """The inverse of `environment`."""
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
