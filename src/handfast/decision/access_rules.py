"""Access rules: who may use a publication, from where and with what. The first rule that fits decides.

A publication that no rule names is open to every account; one that some rule names is shut to whom none of them fits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from handfast.decision.stages.credential import CredentialKind
from handfast.identity.policies import DevicePolicy
from handfast.identity.records import Account, DirectoryGroup
from handfast.identity.sources import parse_source
from handfast.identity.subjects import Subjects


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One rule as a publication has it. Empty `listeners`, `networks`, `credentials` mean all that the publication has.

    `devices` takes the place of the publication's own policy; None leaves that one.
    """

    name: str
    allow: bool = True
    subjects: Subjects = Subjects()  # noqa: RUF009 - frozen
    listeners: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    credentials: frozenset[CredentialKind] = frozenset()
    devices: DevicePolicy | None = None

    def fits(self, applicant: Applicant) -> bool:
        """True where the rule speaks of this account, from there. With what it signs in makes no rule fit or not."""
        if self.listeners and applicant.listener not in self.listeners:
            return False
        if self.networks and not is_within(applicant.source, self.networks):
            return False
        return self.subjects.include(applicant.account, applicant.groups)

    def takes(self, kind: CredentialKind) -> bool:
        """True where it lets in who signs in so."""
        return self.allow and (not self.credentials or kind in self.credentials)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks, and from where. `groups` are all groups of the account, nested ones too."""

    account: Account
    groups: frozenset[DirectoryGroup]
    listener: str
    source: str


def find_rule(rules: Iterable[AccessRule], applicant: Applicant) -> AccessRule | None:
    """The rule that decides: the first that fits; None where none does."""
    return next((rule for rule in rules if rule.fits(applicant)), None)


def name_groups(rules: Iterable[AccessRule]) -> bool:
    """True where some rule asks for groups: only then are they read."""
    return any(rule.subjects.groups for rule in rules)


def is_within(source: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """True for an address of one of the networks; what is no address belongs to none."""
    address = parse_source(source)
    return address is not None and any(
        address.version == network.version and address in network for network in networks
    )
