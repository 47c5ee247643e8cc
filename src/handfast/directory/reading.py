"""Searches that both the sync and single look-ups make: the domain's facts, groups, ranges of long attributes.

A group is what can be read of it: a name that makes no sense or is hidden leaves it the name it is known by, a kind that is hidden
leaves it a security group, and a member that makes no sense costs that membership alone. One without a SID is none.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from functools import partial

from handfast.directory import domain_facts, filters
from handfast.directory.account_attributes import parse_references
from handfast.directory.controllers import Link
from handfast.directory.domain_facts import DomainFacts
from handfast.directory.entries import Entry, Range
from handfast.directory.group_graph import Group, Key, build_group, enlarge_group, key_of, sid_of
from handfast.directory.library import ldap3
from handfast.directory.session import EXTENDED_DN, SHOW_DELETED, ControllerFailed, Session
from handfast.directory.values import parse_number, parse_sid, parse_text
from handfast.protocols.errors import MalformedMessage

GROUP_ATTRIBUTES = ("objectSid", "sAMAccountName", "groupType", "member")
SECURITY_ENABLED = 0x8000_0000
"""A groupType without it is a mailing list's. Source: MS-ADTS 2.2.12."""


async def read_domain(link: Link) -> DomainFacts:
    """What this controller says of itself and the domain; four reads of single objects. Raises: ControllerFailed."""
    try:
        root = domain_facts.parse_root(_there(await link.read("", domain_facts.ROOT_ATTRIBUTES), "rootDSE"))
        service = _there(await link.read(root.service, ("invocationId",)), "the controller's own object")
        head = _there(
            await link.read(root.naming_context, domain_facts.POLICY_ATTRIBUTES), root.naming_context
        )
        netbios_name, dns_name = domain_facts.parse_names(await _partition(link, root))
        return DomainFacts(
            root=root,
            invocation_id=domain_facts.parse_invocation_id(service),
            sid=domain_facts.parse_domain_sid(head),
            netbios_name=netbios_name,
            dns_name=dns_name,
            policy=domain_facts.parse_policy(head),
        )
    except MalformedMessage as malformed:
        raise ControllerFailed(f"{link.name}: {malformed}") from None


async def _partition(link: Link, root: domain_facts.RootFacts) -> Entry:
    page = await link.page(
        f"CN=Partitions,{root.configuration_context}",
        filters.both("(objectClass=crossRef)", filters.equals("nCName", root.naming_context)),
        ("nETBIOSName", "dnsRoot"),
        scope=ldap3.LEVEL,
    )
    return _there(page.entries[0] if page.entries else None, "the domain among the partitions")


def _there(entry: Entry | None, what: str) -> Entry:
    if entry is None:
        raise ControllerFailed(f"{what} can't be read")
    return entry


async def sees_deleted(link: Link, naming_context: str) -> bool:
    """Whether deleted objects are shown to us: those who may list them are let read the container itself, others are not.

    Source: MS-ADTS 3.1.1.3.4.1.14, 6.1.1.4.2 (whose name no language changes).
    """
    try:
        container = await link.read(
            deleted_objects(naming_context), ("objectClass",), controls=[SHOW_DELETED]
        )
    except ControllerFailed:
        return False  # refused outright; or the connection is gone, which whatever is asked next will tell
    return container is not None and bool(container.values)


def deleted_objects(naming_context: str) -> str:
    """The container of a domain's deleted objects."""
    return f"CN=Deleted Objects,{naming_context}"


async def read_groups(
    link: Link, domain: DomainFacts, nameless: list[str], condition: str = ""
) -> AsyncIterator[Group]:
    """Groups with all their members. Those that show no SID can be told from no other: their names go to `nameless`."""
    query = filters.both(filters.GROUPS, condition)
    base = domain.root.naming_context
    async for page in link.pages(base, query, GROUP_ATTRIBUTES, controls=[EXTENDED_DN]):
        # In a thread: a group may have a hundred thousand members, and the event loop has others to serve.
        groups = await link.call(partial(_parse_groups, entries=page, domain_sid=domain.sid))
        for entry, group in zip(page, groups, strict=True):
            if group is None:
                nameless.append(entry.dn)
            elif entry.ranges:
                yield enlarge_group(group, await read_rest(link, domain, group.key, entry.ranges[0]))
            else:
                yield group


def _parse_groups(_session: Session, entries: Iterable[Entry], domain_sid: str) -> list[Group | None]:
    groups: list[Group | None] = []
    for entry in entries:
        try:
            groups.append(parse_group(entry, domain_sid))
        except MalformedMessage:
            groups.append(None)
    return groups


def parse_group(entry: Entry, domain_sid: str) -> Group:
    """Raises: MalformedMessage for one without a SID."""
    key = key_of(parse_sid(entry.require("objectSid")), domain_sid)
    name, kind = "", SECURITY_ENABLED
    with contextlib.suppress(MalformedMessage):
        name = parse_text(entry.require("sAMAccountName"), "sAMAccountName")
    with contextlib.suppress(MalformedMessage):
        kind = parse_number(entry.require("groupType"), "groupType")
    members = parse_references(entry, "member", domain_sid)
    return build_group(key, name, members, is_security=bool(kind & SECURITY_ENABLED))


async def read_rest(link: Link, domain: DomainFacts, key: Key, first: Range) -> set[Key]:
    """The objects that an attribute of the object `key` names from its second part on. Of one part at a time all is kept, then
    which objects they are.
    """
    found: set[Key] = set()
    part: Range | None = first
    while part is not None:
        option = f"{part.attribute};range={part.next_index}-*"
        more = await link.read(_base_of(key, domain.sid), (option,), controls=[EXTENDED_DN])
        if more is None:
            break  # deleted under our hands: the next read tells
        parse = partial(_parse_part, entry=more, attribute=part.attribute, domain_sid=domain.sid)
        found |= await link.call(parse)
        following = more.ranges[0] if more.ranges else None
        if following is not None and following.next_index <= part.next_index:
            raise ControllerFailed(f"{link.name}: gives the same part of {part.attribute} again and again")
        part = following
    return found


def _parse_part(_session: Session, entry: Entry, attribute: str, domain_sid: str) -> set[Key]:
    return parse_references(entry, attribute, domain_sid)


def _base_of(key: Key, domain_sid: str) -> str:
    """A base that names the object by its SID, whatever its name. Source: MS-ADTS 3.1.1.3.1.2.4."""
    return f"<SID={sid_of(key, domain_sid)}>"
