"""The readers of what a domain controller sends, for I7. An entry is made of the bytes: an attribute a line, `name:value`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from handfast.directory import (
    account_attributes,
    bind_answer,
    domain_facts,
    entries,
    password_settings,
    reading,
    service_accounts,
    values,
)
from handfast.directory.entries import Entry, build_entry
from handfast.protocols.errors import MalformedMessage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SID = bytes.fromhex("010500000000000515000000c863771d12c2296e41324e6e60040000")
DOMAIN = domain_facts.DomainFacts(
    root=domain_facts.RootFacts("DC=contoso,DC=lab", "CN=Configuration", "CN=DC1", 1, "dc1", NOW),
    invocation_id="",
    sid="S-1-5-21-1-2-3",
    netbios_name="CONTOSO",
    dns_name="contoso.lab",
    policy=domain_facts.Policy(5, timedelta(minutes=30), timedelta(minutes=30), timedelta(days=42)),
)


def entry_of(data: bytes) -> Entry:
    """Attributes that every parser needs, replaced by those that the bytes hold."""
    given: dict[str, list[bytes]] = {
        "objectSid": [SID],
        "sAMAccountName": [b"a"],
        "userAccountControl": [b"512"],
        "accountExpires": [b"0"],
        "pwdLastSet": [b"0"],
        "primaryGroupID": [b"513"],
        "msDS-User-Account-Control-Computed": [b"0"],
    }
    for line in data.split(b"\n"):
        name, _, value = line.partition(b":")
        given.setdefault(name.decode("latin-1"), []).append(value)
    return build_entry("CN=a", given)


def spread(data: bytes, attributes: tuple[str, ...]) -> Entry:
    """The bytes as the value of each attribute in turn, over sound ones, are what `account` reads."""
    return Entry("CN=a", {name.lower(): [data] for name in attributes})


def account(data: bytes) -> object:
    """Every attribute of an account, with the bytes as its value."""
    sound = entry_of(b"").values
    faults = []
    for name in account_attributes.ATTRIBUTES:
        try:
            built = account_attributes.build_account(
                Entry("CN=a", {**sound, name.lower(): [data]}),
                DOMAIN,
                frozenset(),
                read_at=NOW,
                lockout_durations={},
            )
            assert built.user
        except MalformedMessage as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    return account_attributes.build_account(
        entry_of(data), DOMAIN, frozenset(), read_at=NOW, lockout_durations={}
    )


Parser = Callable[[bytes], object]

DIRECTORY_PARSERS: dict[str, Parser] = {
    "directory.account_attributes.parse_direct_groups": lambda data: account_attributes.parse_direct_groups(
        spread(data, ("memberOf", "primaryGroupID")), DOMAIN.sid
    ),
    "directory.account_attributes.parse_pso": lambda data: account_attributes.parse_pso(
        spread(data, ("msDS-ResultantPSO",))
    ),
    "directory.account_attributes.parse_references": lambda data: account_attributes.parse_references(
        spread(data, ("memberOf",)), "memberOf", DOMAIN.sid
    ),
    "directory.bind_answer.parse_sub_code": lambda data: bind_answer.parse_sub_code(data.decode("latin-1")),
    "directory.domain_facts.parse_domain_sid": lambda data: domain_facts.parse_domain_sid(
        spread(data, ("objectSid",))
    ),
    "directory.domain_facts.parse_invocation_id": lambda data: domain_facts.parse_invocation_id(
        spread(data, ("invocationId",))
    ),
    "directory.domain_facts.parse_names": lambda data: domain_facts.parse_names(
        spread(data, ("dnsRoot", "nETBIOSName"))
    ),
    "directory.domain_facts.parse_policy": lambda data: domain_facts.parse_policy(
        spread(data, domain_facts.POLICY_ATTRIBUTES)
    ),
    "directory.domain_facts.parse_root": lambda data: domain_facts.parse_root(
        spread(data, domain_facts.ROOT_ATTRIBUTES)
    ),
    "directory.entries.parse_extended_dn": lambda data: entries.parse_extended_dn(data, "member"),
    "directory.password_settings.parse_failures": lambda data: password_settings.parse_failures(
        spread(data, ("badPwdCount", "badPasswordTime")), timedelta(minutes=30), NOW
    ),
    "directory.password_settings.parse_lockout": lambda data: password_settings.parse_lockout(
        spread(data, password_settings.LOCKOUT_ATTRIBUTES)
    ),
    "directory.reading.parse_group": lambda data: reading.parse_group(entry_of(data), DOMAIN.sid),
    "directory.service_accounts.parse_domain_account": lambda data: service_accounts.parse_domain_account(
        entry_of(data), "CN=a", DOMAIN, frozenset(), NOW
    ),
    "directory.values.parse_dn": lambda data: values.parse_dn(data, "x"),
    "directory.values.parse_duration": lambda data: values.parse_duration(data, "x"),
    "directory.values.parse_filetime": lambda data: values.parse_filetime(data, "x"),
    "directory.values.parse_generalized_time": lambda data: values.parse_generalized_time(data, "x"),
    "directory.values.parse_guid": lambda data: values.parse_guid(data, "x"),
    "directory.values.parse_number": lambda data: values.parse_number(data, "x"),
    "directory.values.parse_sid": values.parse_sid,
    "directory.values.parse_text": lambda data: values.parse_text(data, "x"),
    "directory.values.parse_window": lambda data: values.parse_window(data, "x"),
}
MORE_OF_DIRECTORY: dict[str, Parser] = {"a directory account": account}
