"""What applies to an account, and why: its standing, its groups, and for each publication the rule that decides.

It asks the same stages as a sign-in does and stores nothing, so that what it says is what would happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from handfast.decision.named_subjects import (
    FindsGroups,
    NamedSubject,
    SubjectFinding,
    describe_finding,
    find_subjects,
)
from handfast.decision.policy_places import JsonRow, describe_place
from handfast.decision.publication import Publication
from handfast.identity.administration.errors import AdministrationError
from handfast.identity.administration.role_desk import RolePolicy
from handfast.identity.directory.standing import DirectoryPolicy, Standing, read_standing
from handfast.identity.names import find_named_account, fold, login_of, principal_of
from handfast.identity.ports import Clock, Records, Repositories
from handfast.identity.records import Account, CounterKind, DirectoryGroup
from handfast.identity.roles import RoleRule, find_role
from handfast.identity.sources import parse_source
from handfast.identity.subjects import shown_group


@dataclass(frozen=True, slots=True)
class InstallationPolicy:
    """Everything the settings say of who may what. `listeners` are all that there are, in their order."""

    publications: Mapping[str, Publication]
    listeners: tuple[str, ...]
    roles: tuple[RoleRule, ...] = ()
    default_domain: str = ""
    directory: DirectoryPolicy = field(default_factory=DirectoryPolicy)
    has_directory: bool = False
    named_subjects: tuple[NamedSubject, ...] = ()

    @property
    def role_policy(self) -> RolePolicy:
        """What is said of administration."""
        return RolePolicy(self.roles, self.default_domain, self.directory)


class PolicyDesk:
    """Explains the policy. One an identity process; the policy may be replaced as a whole on reload."""

    def __init__(
        self, records: Records, clock: Clock, policy: InstallationPolicy, directory: FindsGroups | None = None
    ) -> None:
        """`directory` is asked for groups that nobody is in; None: nobody is asked."""
        self._directory = directory
        self._records = records
        self._clock = clock
        self._policy = policy

    @property
    def has_directory(self) -> bool:
        """True where accounts and groups come from a directory."""
        return self._policy.has_directory

    def replace(self, policy: InstallationPolicy) -> None:
        """A reload."""
        self._policy = policy

    async def check(
        self,
        *,
        account: str,
        publication: str | None = None,
        listener: str | None = None,
        source: str | None = None,
    ) -> JsonRow:
        """What applies to the account, for one publication, listener and source or for all. Raises: AdministrationError."""
        policy, now = self._policy, self._clock.now()
        _check_names(policy, publication, listener, source)

        def work(repositories: Repositories) -> JsonRow:
            found = find_named_account(repositories, account, policy.default_domain)
            if found is None:
                raise self._not_found(repositories, account)
            groups = repositories.accounts.groups_of(found.id)
            standing = read_standing(repositories, found, policy.directory, now)
            asked = [one for one in policy.publications.values() if publication in (None, one.name)]
            return {
                **_account_row(repositories, found, standing, now),
                "groups": [_group_row(one) for one in sorted(groups, key=shown_group)],
                **_role_row(policy.roles, found, groups, standing),
                "publications": [
                    describe_place(repositories, one, found, groups, standing, where, source)
                    for one in asked
                    for where in _listeners(policy, one, listener)
                ],
            }

        return {**await self._records.read(work), "names_amiss": await self.names(amiss_alone=True)}

    async def names(self, *, amiss_alone: bool = False) -> list[JsonRow]:
        """The groups and accounts that rules and roles name, and what there is of each. Raises: Unavailable."""
        found = await self.find_subjects()
        return [_finding_row(one) for one in found if one.is_amiss or not amiss_alone]

    async def find_subjects(self) -> list[SubjectFinding]:
        """As `names`, for callers in this process. Raises: Unavailable."""
        policy = self._policy
        return await find_subjects(
            self._records, self._directory if policy.has_directory else None, policy.named_subjects
        )

    def _not_found(self, repositories: Repositories, name: str) -> AdministrationError:
        """With a directory an account may be missing for reasons that have nothing to do with its name."""
        if (ambiguity := _find_ambiguity(repositories, name)) is not None:
            return ambiguity
        said, remedy = f"no account is called {name!r}", "`handfast account list` shows all"
        if self.has_directory and repositories.positions.newest_read_at() is None:
            said += "; the directory has not been read yet"
            remedy = "wait for the first reading; `handfast directory check` says whether it can be read"
            if self._directory is None:  # this is a command, and nobody serves
                remedy = "start the service (systemctl start handfast), which reads it"
        elif self.has_directory:
            remedy += "; `handfast directory show NAME` tells whether the directory has it, within `base` and `account_filter`"
        return AdministrationError("not-found", said, remedy)


def _find_ambiguity(repositories: Repositories, name: str) -> AdministrationError | None:
    """Why a name that somebody has leads to nobody."""
    sharing = [one for one in repositories.accounts.find_by_user(name) if not one.is_gone]
    if len(sharing) > 1:
        said = f"more than one account is called {name!r}: {', '.join(sorted(map(login_of, sharing)))}"
        return AdministrationError("not-found", said, "name one of them by UPN or DOMAIN\\user")
    wanted = fold(name)
    for one in repositories.accounts.list_unnamed():
        if wanted in (fold(one.upn), fold(one.user), fold(login_of(one))):
            return AdministrationError(
                "refused",
                f"the directory's {login_of(one)} leads to nobody: another account has its name here",
                "`handfast account adopt NAME` makes a local one with its devices the directory's, `handfast account"
                " remove NAME` gives its name free; `handfast account list` shows both",
            )
    return None


def _check_names(
    policy: InstallationPolicy, publication: str | None, listener: str | None, source: str | None
) -> None:
    if publication is not None and publication not in policy.publications:
        known = ", ".join(sorted(policy.publications))
        raise AdministrationError("usage", f"no publication is called {publication!r}", f"known are {known}")
    if listener is not None and listener not in policy.listeners:
        known = ", ".join(policy.listeners)
        raise AdministrationError("usage", f"no listener is called {listener!r}", f"known are {known}")
    if source is not None and parse_source(source) is None:
        raise AdministrationError("usage", f"{source!r} is no IP address")


def _listeners(policy: InstallationPolicy, publication: Publication, wanted: str | None) -> Sequence[str]:
    """Where it is served, beside mere redirects."""
    return [
        one
        for one in policy.listeners
        if wanted in (None, one) and publication.is_on(one) and not publication.only_redirects(one)
    ]


def _account_row(repositories: Repositories, account: Account, standing: Standing, now: datetime) -> JsonRow:
    failures = repositories.counters.find(CounterKind.DOMAIN, str(account.id))
    read_at = None if account.directory is None else repositories.positions.newest_read_at()
    return {
        "account": principal_of(account),
        "account_id": account.id,
        "home": "local" if account.directory is None else "directory",
        "sid": account.sid or "",
        "standing": "" if standing.refusal is None else standing.refusal.value,
        "stands_until": None if standing.ends_at is None else standing.ends_at.isoformat(),
        "mirror_read_at": None if read_at is None else read_at.isoformat(),
        "mirror_age_seconds": None if read_at is None else round((now - read_at).total_seconds(), 1),
        "domain_failures": 0 if failures is None else failures.failures,
    }


def _group_row(group: DirectoryGroup) -> JsonRow:
    return {"group": shown_group(group), "sid": group.sid}


def _finding_row(finding: SubjectFinding) -> JsonRow:
    what, remedy = describe_finding(finding) if finding.is_amiss else ("", "")
    return {
        "name": finding.subject.name,
        "kind": "group" if finding.subject.is_group else "account",
        "state": finding.state.value,
        "rules": list(finding.subject.rules),
        "is_amiss": finding.is_amiss,
        "is_error": finding.is_error,
        "what": what,
        "remedy": remedy,
    }


def _role_row(
    rules: Sequence[RoleRule], account: Account, groups: frozenset[DirectoryGroup], standing: Standing
) -> JsonRow:
    """As `RoleDesk` has it: who may not sign in has none, and without rules whoever reaches the socket needs none."""
    role = None if standing.refusal is not None else find_role(rules, account, groups)
    by = (one.subjects.describe(account, groups) for one in rules if one.role is role)
    return {
        "role": "" if role is None else role.value,
        "role_by": "; ".join(filter(None, by)),
        "roles_are_set": bool(rules),
    }
