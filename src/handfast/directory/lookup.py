"""One account by any of its names, with its groups; read there and then, for administrators and for what can't wait for a poll."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from datetime import datetime

from handfast.directory import account_attributes, filters
from handfast.directory.account_attributes import parse_direct_groups, parse_references
from handfast.directory.accounts import AccountBuilder, build_directory_group, told_of
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry
from handfast.directory.group_graph import Group, GroupGraph, Key, build_group, key_of, sid_of
from handfast.directory.reading import parse_group
from handfast.directory.scope import Scope
from handfast.directory.service_accounts import plain_name
from handfast.directory.session import EXTENDED_DN
from handfast.directory.values import parse_sid
from handfast.identity.directory.entries import DirectoryAccount
from handfast.identity.ports import Unavailable
from handfast.identity.records import DirectoryGroup
from handfast.protocols.errors import MalformedMessage

MAX_NAME_CHARACTERS = 1024
MAX_LEVELS = 64
"""How deep groups may stand in groups; a loop ends by itself, because no group is asked for twice."""
GROUPS_IN_ONE_QUERY = 50


async def find_account(
    link: Link, domain: DomainFacts, scope: Scope, name: str, clock: Callable[[], datetime]
) -> DirectoryAccount | None:
    """The one mirrored account the name means; None where there is none, or more than one.

    Raises: ControllerFailed; Unavailable for one that can't be judged, which is no fault of the controller's.
    """
    query = filters.by_name(name, domain.dns_name, domain.netbios_name) if _may_be_name(name) else ""
    if not query:
        return None
    page = await link.page(
        scope.within(domain.root.naming_context),
        scope.query(query),
        account_attributes.ATTRIBUTES,
        controls=[EXTENDED_DN],
        page_size=2,
    )
    if len(page.entries) != 1 or page.cookie:
        return None
    entry = page.entries[0]
    try:
        key = key_of(parse_sid(entry.require("objectSid")), domain.sid)
        direct = parse_direct_groups(entry, domain.sid)
        if "memberof" not in entry.values or entry.ranges:  # hidden as a whole, or more than it gives at once
            direct |= await _groups_naming(link, domain, entry)
        graph = await _groups_above(link, domain, key, direct)
    except MalformedMessage as malformed:
        raise Unavailable(told_of(entry.dn, malformed)) from None
    problems: list[str] = []
    built = await AccountBuilder(link, domain, graph, clock, problems).build([entry])
    if problems:
        raise Unavailable(problems[0])
    return built.accounts[0]


async def find_group(link: Link, domain: DomainFacts, name: str) -> DirectoryGroup | None:
    """The one security group that a rule means by the name. Raises: ControllerFailed."""
    query = filters.by_group_name(name, domain.netbios_name) if _may_be_name(name) else ""
    if not query:
        return None
    attributes = ("objectSid", "sAMAccountName", "groupType")
    page = await link.page(
        domain.root.naming_context, filters.both(filters.GROUPS, query), attributes, page_size=2
    )
    if len(page.entries) != 1:
        return None
    try:
        group = parse_group(page.entries[0], domain.sid)
    except MalformedMessage:
        return None  # one that makes no sense gives no rights either
    return build_directory_group(group.key, group.name, domain) if group.is_security else None


def _may_be_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable()


async def _groups_naming(link: Link, domain: DomainFacts, account: Entry) -> set[Key]:
    """The groups that have it as a member, whatever it says itself. One that shows no SID can be told from no other."""
    query = filters.both(filters.GROUPS, filters.equals("member", plain_name(account.dn)))
    found: set[Key] = set()
    async for page in link.pages(domain.root.naming_context, query, ("objectSid",)):
        for entry in page:
            with contextlib.suppress(MalformedMessage):
                found.add(key_of(parse_sid(entry.require("objectSid")), domain.sid))
    return found


async def _groups_above(link: Link, domain: DomainFacts, account: Key, direct: Iterable[Key]) -> GroupGraph:
    """The groups it is in, level by level; `tokenGroups` would say the same, where we may read it."""
    found: dict[Key, Group] = {}
    edges: dict[Key, set[Key]] = {key: {account} for key in direct}
    waiting = sorted(direct, key=str)
    for _ in range(MAX_LEVELS):
        if not waiting:
            break
        above: set[Key] = set()
        for at in range(0, len(waiting), GROUPS_IN_ONE_QUERY):
            part = waiting[at : at + GROUPS_IN_ONE_QUERY]
            for entry in await _read_groups(link, domain, part):
                group = parse_group(Entry(entry.dn, {**entry.values, "member": ()}), domain.sid)
                found[group.key] = group
                if group.is_security:
                    parents = parse_references(entry, "memberOf", domain.sid)
                    for parent in parents:
                        edges.setdefault(parent, set()).add(group.key)
                    above |= parents
        waiting = sorted(above - found.keys(), key=str)
    return GroupGraph(
        build_group(key, group.name, edges.get(key, ()), is_security=group.is_security)
        for key, group in found.items()
    )


async def _read_groups(link: Link, domain: DomainFacts, keys: Iterable[Key]) -> list[Entry]:
    query = filters.both(filters.GROUPS, filters.with_sids(sid_of(key, domain.sid) for key in keys))
    attributes = ("objectSid", "sAMAccountName", "groupType", "memberOf")
    pages = link.pages(domain.root.naming_context, query, attributes, controls=[EXTENDED_DN])
    return [entry async for page in pages for entry in page]
