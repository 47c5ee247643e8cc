"""A request as the stages see it: who asks, from where, with what, for what."""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.identity.channels import Channel


@dataclass(frozen=True, slots=True)
class NoCredential:
    """The request carries no Authorization."""


@dataclass(frozen=True, slots=True)
class BasicCredential:
    """HTTP Basic, decoded. `login` is as sent: `DOMAIN\\user`, UPN or plain."""

    login: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NtlmCredential:
    """The last leg of NTLM. `challenge_id` names the challenge identity issued for `connection_id`.

    `negotiate` and `authenticate` are the raw NTLMSSP messages (type 1 and 3); `channel_binding` is the MD5 of the
    gss_channel_bindings_struct for the certificate this listener showed, 16 bytes, or b"" without TLS.
    """

    challenge_id: str
    connection_id: str
    negotiate: bytes = field(repr=False)
    authenticate: bytes = field(repr=False)
    channel_binding: bytes = b""


@dataclass(frozen=True, slots=True)
class ConnectionCredential:
    """A later request on a connection that NTLM or a ticket has authenticated: the sealed session identity issued then.

    Identity opens it only for the same node and `connection_id`, checks account, password and device anew, and asks
    for a sign-in again when it is older than an hour.
    """

    connection_id: str
    session: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TicketCredential:
    """A client's Kerberos ticket in one SPNEGO (or raw Kerberos) token, at most 96 KiB (RFC 4559 4).

    `connection_id` names the connection that it signs in; `channel_binding` is the application data of the binding for the
    certificate this listener showed ("tls-server-end-point:" and the hash, RFC 5929 4), or b"" without TLS.
    """

    token: bytes = field(repr=False)
    connection_id: str
    channel_binding: bytes = b""


Credential = NoCredential | BasicCredential | NtlmCredential | TicketCredential | ConnectionCredential


@dataclass(frozen=True, slots=True)
class ClaimedDevice:
    """The device a request says it comes from. A claim: it stops reuse of a leaked password, it proves nothing.

    `device_id` is canonical (see `protocols.activesync.query`).
    """

    device_id: str
    device_type: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What else the message says of its client; part of a grant's key, usable in rules."""

    user_agent: str = ""
    protocol_version: str = ""
    claimed_user: str = ""


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One request for access, translated from whatever protocol carried it.

    `source` is an IP address as text, `node` the gateway node that reports it, `command` the channel's own verb
    ("Sync", "OPTIONS"). A message without `device` never pairs one (a bare OPTIONS, a companion channel).
    """

    request_id: str
    node: str
    listener: str
    source: str
    publication: str
    rule: str
    channel: Channel
    credential: Credential
    host: str = ""
    device: ClaimedDevice | None = None
    facts: Facts = Facts()
    command: str = ""
    request_line: str = ""
