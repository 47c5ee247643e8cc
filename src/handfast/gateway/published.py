"""A publication as the data plane holds it: its policy, its servers, the challenges of its refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from handfast.decision.publication import AuthMethod, Publication
from handfast.gateway.config import PublicationConfig
from handfast.gateway.handling import Handling
from handfast.gateway.handlings import complete_handlings
from handfast.gateway.inside_names import InsideNames
from handfast.gateway.lessons import Lessons
from handfast.gateway.path_map import PathMap
from handfast.gateway.pool import BackendPool
from handfast.identity.channels import Channel
from handfast.protocols.http1.fields import passes_to_backend

MAX_REMEMBERED_NAMES = 2048


@dataclass(frozen=True, slots=True, eq=False)
class PublishedApp:
    """One publication with its pool. Compared by identity: a reload makes new ones.

    `prefixes` remembers answers of `prefix`. Raises: ValueError where a rule is not handled as its channel demands.
    """

    config: PublicationConfig
    pool: BackendPool
    prefixes: dict[bytes, bytes] = field(default_factory=dict)
    lessons: Lessons = field(init=False)
    handlings: Mapping[str, Handling] = field(init=False)
    paths: PathMap = field(init=False)
    inside: InsideNames = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        inside = (config.backend.host, *(urlsplit(url).hostname or "" for url in config.backend.urls))
        object.__setattr__(self, "lessons", Lessons(config.publication.name))
        object.__setattr__(self, "handlings", complete_handlings(config.publication, config.handlings))
        object.__setattr__(
            self, "paths", PathMap(config.paths, set(inside).difference(config.publication.hosts))
        )
        servers = (*inside, *(item.host for item in config.paths))
        outside = (*config.publication.hosts, *config.outside_names)
        object.__setattr__(self, "inside", InsideNames(config.inside_names, servers, outside))

    @property
    def publication(self) -> Publication:
        """The policy that identity decides by."""
        return self.config.publication

    @property
    def channel(self) -> Channel:
        """The channel in whose manner a refusal before any rule is answered."""
        return self.config.publication.rules[0].channel

    def challenges(
        self, channel: Channel, *, is_own_connection: bool, is_inside: bool = False
    ) -> tuple[bytes, ...]:
        """WWW-Authenticate values in the configured order; what signs a connection in only where it is the client's own.

        `Negotiate` stands once: for Kerberos on inside listeners, or for NTLM where the publication wants that.
        """
        found: list[bytes] = []
        for method in self._offered(channel):
            if method is AuthMethod.BASIC:
                realm = self.config.auth_realm.replace("\\", "").replace('"', "")
                found.append(f'Basic realm="{realm}", charset="UTF-8"'.encode("ascii", "replace"))
            elif not is_own_connection:
                continue
            elif method is AuthMethod.NTLM:
                found += [b"NTLM", b"Negotiate"] if self.config.offers_negotiate else [b"NTLM"]
            elif is_inside:
                found.append(b"Negotiate")
        return tuple(dict.fromkeys(found))

    def _offered(self, channel: Channel) -> tuple[AuthMethod, ...]:
        config = self.config
        if channel is Channel.ACTIVESYNC and config.phone_auth_methods is not None:
            return config.phone_auth_methods
        return config.auth_methods

    @property
    def sent_host(self) -> bytes:
        """The Host field for this publication's servers, b"" where it is the client's own."""
        return self.config.backend.host.encode("ascii")

    def prefix(self, name: bytes) -> bytes:
        """`name: ` for a request field that may reach this publication's servers, b"" for any other."""
        own = self.config.backend.auth_header.lower().encode("ascii")
        found = name + b": " if passes_to_backend(name) and name != own else b""
        if len(self.prefixes) < MAX_REMEMBERED_NAMES:
            self.prefixes[name] = found
        return found
