"""Access rules, roles and domain passwords: what they name must exist, and a rule must have something to decide. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from handfast.settings.access import AccessSettings, RoleSettings
from handfast.settings.problems import Problem, shown
from handfast.settings.publication import PublicationSettings

if TYPE_CHECKING:
    from handfast.settings.check import Draft


def access_problems(draft: Draft) -> Iterator[Problem]:
    """What keeps the rules from being what their author meant: nothing here may end in more access than was written."""
    for index, rule in draft.access:
        path = f"access[{index}]"
        yield from _unknown(f"{path}.publications", rule.publications, draft.publication_names, "publication")
        yield from _unknown(f"{path}.listeners", rule.listeners, draft.listener_names, "listener")
        yield from _subjects(draft, path, rule)
        if rule.policy and rule.policy not in draft.policy_names:
            yield from _unknown(f"{path}.policy", (rule.policy,), draft.policy_names, "policy")
        if not rule.allow and rule.credentials:
            yield Problem(
                f"{path}.credentials",
                shown(list(rule.credentials)),
                "a refusal refuses whatever one signs in with",
                "take them out, or write an allowing rule that names the credentials it takes",
            )
    for index, role in draft.roles:
        path = f"role[{index}]"
        yield from _subjects(draft, path, role)
        if not role.groups and not role.accounts:
            yield Problem(path, "", "names nobody", "set groups or accounts")
    yield from _domain_passwords(draft)


def _unknown(path: str, names: Iterable[str], known: frozenset[str], kind: str) -> Iterator[Problem]:
    for place, name in enumerate(names):
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            where = path if path.endswith(".policy") else f"{path}[{place}]"
            yield Problem(where, shown(name), f"no {kind} has that name", f"use one of: {listed}")


def _subjects(draft: Draft, path: str, rule: AccessSettings | RoleSettings) -> Iterator[Problem]:
    has_directory = draft.directory is None or bool(draft.directory.servers)
    for place, group in enumerate(rule.groups):
        where = f"{path}.groups[{place}]"
        if not has_directory:
            remedy = "name the domain's controllers in [[directory.server]], or accounts here"
            yield Problem(where, shown(group), "groups come from a directory, and there is none", remedy)
        elif not _is_sid(group) and "\\" not in group:
            remedy = 'write "DOMAIN\\\\name", or its SID'
            yield Problem(where, shown(group), "neither a SID nor a name with its domain", remedy)
    has_default = draft.identity is None or bool(draft.identity.default_domain)
    for place, account in enumerate(rule.accounts):
        if not has_default and "@" not in account and "\\" not in account and not _is_sid(account):
            remedy = 'write "DOMAIN\\\\user" or the UPN, or set identity.default_domain'
            yield Problem(f"{path}.accounts[{place}]", shown(account), "a user name without domain", remedy)


def _is_sid(name: str) -> bool:
    return name.upper().startswith("S-1-")


def _domain_passwords(draft: Draft) -> Iterator[Problem]:
    has_directory = draft.directory is None or bool(draft.directory.servers)
    for index, one in draft.publications:
        path = f"publication[{index}].domain_password_listeners"
        if one.domain_password_listeners and not has_directory:
            remedy = "name the domain's controllers in [[directory.server]], or take it out"
            yield Problem(path, shown(list(one.domain_password_listeners)), "there is no directory", remedy)
        if one.domain_password_listeners and "basic" not in one.auth:
            yield Problem(
                path,
                shown(list(one.domain_password_listeners)),
                "domain passwords come by Basic, which `auth` does not take",
                'add "basic" to auth, or take it out here',
            )
        for place, name in enumerate(one.domain_password_listeners):
            if name not in (frozenset(one.listeners) or draft.listener_names):
                known = ", ".join(sorted(one.listeners or draft.listener_names)) or "none"
                what = "the publication is on no listener of that name"
                yield Problem(f"{path}[{place}]", shown(name), what, f"use one of: {known}")


def access_warnings(draft: Draft) -> Iterator[Problem]:
    """Rules that never decide, roles of nobody, and guesses from outside that would reach the domain."""
    yield from _outside_guesses(draft)
    yield from _roles_of_nobody(draft)
    yield from _users_without_domain(draft)
    yield from _never_reached(draft)
    for index, rule in draft.access:
        published = [one for _, one in draft.publications if one.name in rule.publications]
        served = [one for one in published if not one.listeners or not rule.listeners or _share(one, rule)]
        if published and not served:
            yield Problem(
                f"access[{index}].listeners",
                shown(list(rule.listeners)),
                "its publications are on none of these listeners: it never fits",
                "name listeners of its publications",
            )
        for place, kind in enumerate(rule.credentials):
            if served and not any(_offers(one, rule, kind) for one in served):
                yield Problem(
                    f"access[{index}].credentials[{place}]",
                    shown(kind),
                    "its publications do not take that",
                    _REMEDIES[kind],
                )


_REMEDIES = {
    "app-password": 'set auth = ["basic"] for the publication',
    "pin": "set human_secrets = true for the publication",
    "domain-password": "name the listeners in the publication's domain_password_listeners",
    "kerberos": 'add "kerberos" to the publication\'s auth',
}


def _share(publication: PublicationSettings, rule: AccessSettings) -> bool:
    return bool(set(publication.listeners) & set(rule.listeners))


def _offers(publication: PublicationSettings, rule: AccessSettings, kind: str) -> bool:
    if kind == "app-password":
        return "basic" in publication.auth or "ntlm" in publication.auth
    if kind == "pin":
        return publication.human_secrets
    if kind == "kerberos":
        return "kerberos" in publication.auth
    listeners = set(publication.domain_password_listeners)
    return bool(listeners & set(rule.listeners) if rule.listeners else listeners)


def _roles_of_nobody(draft: Draft) -> Iterator[Problem]:
    """The socket lets in root, the service and the group; only for the group there are roles."""
    if draft.roles and draft.identity is not None and not draft.identity.admin_group:
        yield Problem(
            "identity.admin_group",
            "",
            "there are roles, and nobody but root and the service reaches the admin socket",
            "name a Unix group there and put those into it who have a role",
        )


def _users_without_domain(draft: Draft) -> Iterator[Problem]:
    has_servers = draft.directory is not None and bool(draft.directory.servers)
    if draft.roles and has_servers and draft.identity is not None and not draft.identity.default_domain:
        yield Problem(
            "identity.default_domain",
            "",
            "there are roles, and a Unix user whose name has no domain is nobody in the directory",
            "set the domain's NetBIOS name there, which `handfast directory check` shows",
        )


def _outside_guesses(draft: Draft) -> Iterator[Problem]:
    inside = {one.name for _, one in draft.listeners if one.inside}
    for index, one in draft.publications:
        for place, name in enumerate(one.domain_password_listeners):
            if name in draft.listener_names and name not in inside:
                yield Problem(
                    f"publication[{index}].domain_password_listeners[{place}]",
                    shown(name),
                    "guesses from outside reach the domain there, up to the soft lockout",
                    "keep it for a time of migration; app passwords need none of it",
                )


def _never_reached(draft: Draft) -> Iterator[Problem]:
    """A rule behind one that fits wherever it would itself."""
    for place, (index, rule) in enumerate(draft.access):
        before = [one for _, one in draft.access[:place]]
        shut = [name for name in rule.publications if any(_covers(one, rule, name) for one in before)]
        if len(shut) == len(rule.publications):
            yield Problem(
                f"access[{index}]",
                shown(rule.name),
                "a rule before it decides for everybody it speaks of",
                "put it before that one, or take it out",
            )


def _covers(earlier: AccessSettings, later: AccessSettings, publication: str) -> bool:
    return (
        publication in earlier.publications
        and _is_wider(earlier.listeners, later.listeners)
        and _is_wider(earlier.networks, later.networks)
        and _covers_subjects(earlier, later)
    )


def _is_wider(earlier: tuple[str, ...], later: tuple[str, ...]) -> bool:
    return not earlier or (bool(later) and set(later) <= set(earlier))


def _covers_subjects(earlier: AccessSettings, later: AccessSettings) -> bool:
    if not earlier.groups and not earlier.accounts:
        return True
    if not later.groups and not later.accounts:
        return False
    return set(later.groups) <= set(earlier.groups) and set(later.accounts) <= set(earlier.accounts)
