"""A whole identity process in memory: fakes for every port, the real services and pipeline over them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

from handfast.decision.access import AccessRequest, BasicCredential, ClaimedDevice, Credential, Facts
from handfast.decision.outcome import Decision
from handfast.decision.pipeline import Pipeline
from handfast.decision.publication import ACTIVESYNC_RULES, PathRule, Publication
from handfast.decision.services import Services
from handfast.identity.app_passwords import PasswordOrder, generate_password, issue_password
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.identity.records import Account, AppPassword
from handfast.protocols.ntlm.challenge import ServerNames
from tests.fakes.clock import SettableClock
from tests.fakes.hasher import CountingHasher
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.randomness import SeededRandomness
from tests.fakes.records import InMemoryRecords

AUTODISCOVER_RULE = PathRule(
    "autodiscover",
    Channel.AUTODISCOVER,
    frozenset({"/autodiscover/autodiscover.xml"}),
    frozenset({"POST"}),
)
EWS_RULE = PathRule("ews", Channel.EWS, frozenset({"/ews/exchange.asmx"}), frozenset({"POST"}))
MAIL = Publication(
    name="mail", hosts=("mail.example.com",), rules=(*ACTIVESYNC_RULES, AUTODISCOVER_RULE, EWS_RULE)
)
NAMES = ServerNames("HANDFAST", "GATEWAY", "handfast.invalid", "gateway.handfast.invalid")


@dataclass
class IdentityProcess:
    """`records` are in memory unless others are given; `restart` keeps them and loses the rest, as a crash would."""

    publication: Publication = MAIL
    keyring: FakeKeyRing = field(default_factory=FakeKeyRing)
    clock: SettableClock = field(default_factory=SettableClock)
    hasher: CountingHasher = field(default_factory=CountingHasher)
    randomness: SeededRandomness = field(default_factory=SeededRandomness)
    errors: list[Exception] = field(default_factory=list)
    records: Any = None

    def __post_init__(self) -> None:
        self.records = self.records or InMemoryRecords(self.keyring)
        self._requests = count(1)
        self.restart()

    def restart(self) -> None:
        dummies = [self.randomness.token_bytes(16) for _ in range(16)]
        self.services = Services(
            records=self.records,
            keyring=self.keyring,
            hasher=self.hasher,
            clock=self.clock,
            randomness=self.randomness,
            candidates=NtCandidateOpener(self.keyring, dummies),
            server_names=NAMES,
            default_domain="CONTOSO",
        )
        self.pipeline = Pipeline(self.services, {"mail": self.publication}, self.errors.append)

    def publish(self, publication: Publication) -> None:
        self.publication = publication
        self.pipeline.replace_publications({"mail": publication})

    async def add_account(self, user: str = "alice", *, pin: str | None = None) -> Account:
        verifier = None if pin is None else await self.hasher.hash(pin)

        def work(repositories):
            account = repositories.accounts.add(
                user=user,
                domain="CONTOSO",
                upn=f"{user}@contoso.lab",
                display_name=user.title(),
                now=self.clock.now(),
            )
            repositories.accounts.set_pin_verifier(account.id, verifier)
            return repositories.accounts.find(account.id)

        return await self.records.write(work)

    async def issue(
        self,
        account: Account,
        *,
        channels: frozenset[Channel] = PROFILE_CHANNELS[Profile.PHONE],
        device_id: str | None = None,
        ntlm: bool = False,
        expires_in: timedelta | None = None,
    ) -> tuple[str, AppPassword]:
        secret = generate_password(self.randomness)
        now = self.clock.now()
        order = PasswordOrder(
            channels=channels,
            reserved_device_id=device_id,
            ntlm_allowed=ntlm,
            expires_at=None if expires_in is None else now + expires_in,
        )
        password = await self.records.write(
            lambda repositories: issue_password(
                repositories,
                self.keyring,
                account,
                order,
                secret,
                now=now,
                unused_life=timedelta(hours=24),
                actor="uid:0",
            )
        )
        return secret, password

    def request(
        self,
        credential: Credential,
        *,
        device: str | None = "PHONE1",
        device_type: str = "iPhone",
        command: str = "Sync",
        source: str = "192.0.2.10",
        user_agent: str = "Apple-iPhone12C1/1801.373",
        version: str = "16.1",
        **more,
    ) -> AccessRequest:
        request = AccessRequest(
            request_id=f"r{next(self._requests)}",
            node="local",
            listener="outside",
            source=source,
            publication="mail",
            rule="activesync",
            channel=Channel.ACTIVESYNC,
            credential=credential,
            device=None if device is None else ClaimedDevice(device, device_type),
            facts=Facts(user_agent=user_agent, protocol_version=version),
            command=command,
        )
        return replace(request, **more)

    async def basic(self, secret: str, *, login: str = "CONTOSO\\alice", **more) -> Decision:
        return await self.pipeline.evaluate(self.request(BasicCredential(login, secret), **more))

    @property
    def audit_events(self) -> list[str]:
        return [entry.event.value for entry in self.records.tables.audit]
