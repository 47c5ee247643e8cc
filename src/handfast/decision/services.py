"""What the stages work with: the records, the keys, and what one identity process keeps in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.decision.directory_waiting import DirectoryWaiting
from handfast.decision.domain_passwords import DomainPasswordMemory, SharedWork, Unshared
from handfast.decision.wrong_again import WrongAgain
from handfast.identity.directory.ports import Directory, TicketAcceptance
from handfast.identity.names import fold
from handfast.identity.networks import NetworkSightings
from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.identity.ntlm_challenges import PendingChallenges
from handfast.identity.ports import Clock, KeyRing, Randomness, Records, SecretHasher
from handfast.identity.recent_evaluations import RecentEvaluations
from handfast.identity.source_delays import SourceDelays
from handfast.protocols.ntlm.challenge import ServerNames


@dataclass(frozen=True, slots=True)
class Services:
    """Ports and memory of one identity process. `default_domain` is tried for names without a domain; `tickets` is None
    where there is no keytab to take clients' tickets with, `directory` where accounts are local alone.
    """

    records: Records
    keyring: KeyRing
    hasher: SecretHasher
    clock: Clock
    randomness: Randomness
    candidates: NtCandidateOpener
    server_names: ServerNames
    default_domain: str = ""
    tickets: TicketAcceptance | None = None
    directory: Directory | None = None
    shared: SharedWork = field(default_factory=Unshared)
    domain_passwords: DomainPasswordMemory = field(default_factory=DomainPasswordMemory)
    waiting: DirectoryWaiting = field(default_factory=DirectoryWaiting)
    challenges: PendingChallenges = field(default_factory=PendingChallenges)
    delays: SourceDelays = field(default_factory=SourceDelays)
    networks: NetworkSightings = field(default_factory=NetworkSightings)
    recent: RecentEvaluations = field(default_factory=RecentEvaluations)
    wrong_again: WrongAgain = field(default_factory=WrongAgain)

    @property
    def neutral_domains(self) -> frozenset[str]:
        """The names our challenge shows, folded: sent back by a client they mean no domain."""
        names = self.server_names
        return frozenset(fold(name) for name in (names.netbios_domain, names.dns_domain))
