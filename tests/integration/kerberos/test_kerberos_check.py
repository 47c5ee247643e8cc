"""`handfast kerberos check` in a real domain: each finding made for real, found, and gone after the samba-tool lines it prints."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.app.kerberos_check import look
from handfast.doctor.findings import Severity
from handfast.doctor.kerberos.findings import KerberosFinding
from handfast.doctor.kerberos.findings import KerberosFindingId as Id
from handfast.doctor.kerberos.judging import judge
from handfast.doctor.kerberos.remedies import SAM_DATABASE
from handfast.identity.directory.domain_account import DES_ONLY, SMARTCARD_REQUIRED, WITHOUT_PAC
from handfast.identity.directory.ports import TicketRefused
from handfast.protocols.kerberos.keytab import KeytabEntry, encode_keytab, parse_keytab
from handfast.protocols.ntlm.filetime import filetime_from_datetime
from handfast.settings.load import load_settings
from tests.kerberos_world import opened
from tests.servers import samba_domain
from tests.servers.apache_gssapi import KerberosSite, kerberos_site
from tests.servers.gssapi_peer import GssapiClient
from tests.servers.kdc_relay import KdcRelay
from tests.servers.pac_remover import WITHOUT_FAST, PacRemover, encrypting_key
from tests.servers.processes import free_port
from tests.servers.samba import BASE, NEEDS, REALM, DomainController
from tests.servers.samba_domain import PASSWORD

pytestmark = NEEDS

SPN, OWN_SPN, OTHER_SPN = "HTTP/fe.contoso.lab", "HTTP/gateway.contoso.lab", "HTTP/mail.contoso.lab"
NO_DNS = {Id.NAME_ELSEWHERE}
"""This machine's resolver knows nothing of contoso.lab; the tests of names give it a hosts file."""
AES128, RC4 = 17, 23
PASSWORD_NEVER_EXPIRES = 0x10000
"""Of userAccountControl."""
PROTECTED = ("Protected Users", "svc-gw")


@pytest.fixture(scope="module")
def site(dc: DomainController):
    with kerberos_site(dc.keytab("fe")) as site:
        yield site


@dataclass
class Domain:
    """One domain with a publication behind which Apache takes tickets, and the settings that name both."""

    dc: DomainController
    folder: Path
    urls: tuple[str, ...]
    principal: str = f"svc-gw@{REALM}"
    user: str = ""
    accept: str = f'accept = ["{OWN_SPN}"]'
    kdc: str = ""
    """Where it is not the controller itself."""

    @property
    def keytab(self) -> Path:
        return self.folder / "handfast.keytab"

    @property
    def settings(self) -> Path:
        path = self.folder / "handfast.toml"
        path.write_text(
            self.dc.settings()
            + f"""
[kerberos]
keytab = "{self.keytab}"
principal = "{self.principal}"
kdcs = ["{self.kdc or self.dc.address}"]
{self.accept}

[[listener]]
name = "outside"
address = "127.0.0.1:0"

[[publication]]
name = "mail"
hosts = ["mail.example.com"]

[publication.backend]
urls = {json.dumps(list(self.urls))}
auth = "kerberos"
spn = "{SPN}"
"""
        )
        return path

    def findings(self, servers_account: str = "svc-fe") -> list[KerberosFinding]:
        setup = look(load_settings(self.settings).settings, self.user, servers_account)
        return [one for one in judge(setup, datetime.now(UTC)) if one.id not in NO_DNS]

    def ids(self) -> set[Id]:
        return {one.id for one in self.findings()}

    def mend(self, finding: KerberosFinding) -> None:
        """Types what it prints, as the domain's administrator would on a domain controller."""
        assert finding.commands.samba
        for line in finding.commands.samba:
            self.type(line)

    def type(self, line: str) -> None:
        assert line.startswith(("samba-tool ", "printf "))
        if line.startswith("samba-tool "):
            conf = f" -s {self.dc.home}/etc/smb.conf"
            line += conf if " exportkeytab " in line else f" -H {self.dc.database}{conf}"
        line = line.replace(SAM_DATABASE, self.dc.database)
        subprocess.run(["bash", "-c", line], check=True, capture_output=True)


@pytest.fixture
def domain(dc: DomainController, site: KerberosSite, tmp_path: Path) -> Domain:
    domain = Domain(dc, tmp_path, (site.url,), user="alice")
    domain.keytab.touch(0o600)
    domain.keytab.write_bytes(dc.keytab("gw").read_bytes())
    return domain


def tool(*words: str) -> Callable[[Domain], None]:
    return lambda domain: domain.type(shlex.join(["samba-tool", *words]))


def duplicate(domain: Domain) -> None:
    # The database refuses a second holder; below it, in the partition's own file, nobody looks.
    partition = f"{domain.dc.database}.d/{BASE.upper()}.ldb"
    ldif = f"dn: CN=svc-ex,CN=Users,{BASE}\nchangetype: modify\nadd: servicePrincipalName\nservicePrincipalName: {SPN}\n\n"
    samba_domain.run("ldbmodify", "-H", partition, stdin=ldif)


def move(spn: str, source: str, target: str) -> Callable[[Domain], None]:
    def make(domain: Domain) -> None:
        tool("spn", "delete", spn, source)(domain)
        tool("spn", "add", spn, target)(domain)

    return make


def give_to_one_machine(domain: Domain) -> None:
    if "fe1$" not in domain.dc.ldbsearch("(sAMAccountName=fe1$)", "sAMAccountName"):
        tool("computer", "create", "fe1")(domain)
        enabled = {"userAccountControl": 0x1000, "msDS_SupportedEncryptionTypes": 24}
        domain.dc.set_values(f"CN=fe1,CN=Computers,{BASE}", **enabled)
    domain.urls = ("http://fe1.contoso.lab", "http://fe2.contoso.lab")
    domain.user = ""
    move(SPN, "svc-fe", "fe1$")(domain)


def set_values(name: str, **values: str | int | bytes) -> Callable[[Domain], None]:
    return lambda domain: domain.dc.set_user(name, **values)


def lock(name: str) -> Callable[[Domain], None]:
    return set_values(name, lockoutTime=filetime_from_datetime(datetime.now(UTC)))


def set_bits(name: str, bits: int) -> Callable[[Domain], None]:
    def make(domain: Domain) -> None:
        control = int(domain.dc.value(name, "userAccountControl"))
        domain.dc.set_user(name, userAccountControl=control | bits)

    return make


def let_password_end(domain: Domain) -> None:
    control = int(domain.dc.value("svc-gw", "userAccountControl"))
    domain.dc.set_user("svc-gw", userAccountControl=control & ~PASSWORD_NEVER_EXPIRES, pwdLastSet=0)


def lose_keytab(domain: Domain) -> None:
    domain.keytab.unlink()


def take_other_keytab(domain: Domain) -> None:
    domain.keytab.write_bytes(domain.dc.keytab("fe").read_bytes())


def take_weak_keytab(domain: Domain) -> None:
    entries = parse_keytab(domain.keytab.read_bytes())
    domain.keytab.write_bytes(encode_keytab(replace(one, enctype=RC4, key=bytes(16)) for one in entries))
    domain.user = ""


def take_keys(wanted: Callable[[KeytabEntry], bool]) -> Callable[[Domain], None]:
    def make(domain: Domain) -> None:
        entries = parse_keytab(domain.keytab.read_bytes())
        domain.keytab.write_bytes(encode_keytab(one for one in entries if wanted(one)))

    return make


def use_rc4(types: int | str) -> Callable[[Domain], None]:
    """The account is not marked for AES, and the keytab has nothing else, as ktpass makes it."""

    def make(domain: Domain) -> None:
        set_values("svc-gw", msDS_SupportedEncryptionTypes=types)(domain)
        take_keys(lambda one: one.enctype != RC4)(domain)

    return make


def change_password(domain: Domain) -> None:
    # Another one each time: the same password makes the same keys, which open tickets of any version.
    tool("user", "setpassword", "svc-gw", f"--newpassword=An0ther-{secrets.token_hex(8)}")(domain)
    for name in ("svc-gw", OWN_SPN):
        domain.dc.export_keytab(domain.dc.keytab("gw"), name)  # what the tests after this one begin with
    domain.user = ""


def ask_for(user: str) -> Callable[[Domain], None]:
    def make(domain: Domain) -> None:
        domain.user = user

    return make


FAULTS: list[tuple[Id, Callable[[Domain], None], set[Id]]] = [
    (Id.TRANSITION_MISSING, tool("delegation", "for-any-protocol", "svc-gw", "off"), {Id.TICKET_REFUSED}),
    (Id.DELEGATION_MISSING, tool("delegation", "del-service", "svc-gw", SPN), {Id.TICKET_REFUSED}),
    (Id.DELEGATION_EXCESS, tool("delegation", "add-service", "svc-gw", OTHER_SPN), set()),
    (Id.UNCONSTRAINED, tool("delegation", "for-any-service", "svc-gw", "on"), set()),
    (Id.SPN_MISSING, tool("spn", "delete", SPN, "svc-fe"), {Id.TICKET_REFUSED}),
    (Id.SPN_DUPLICATED, duplicate, {Id.TICKET_REFUSED}),
    (Id.SPN_OTHER_ACCOUNT, move(OWN_SPN, "svc-gw", "svc-ex"), {Id.TICKET_REFUSED}),
    (Id.SPN_ONE_MACHINE, give_to_one_machine, set()),
    (Id.SPN_HOLDER_UNUSABLE, tool("user", "disable", "svc-fe"), {Id.TICKET_REFUSED}),
    (Id.SPN_HOLDER_UNUSABLE, tool("user", "setexpiry", "svc-fe", "--days=0"), {Id.TICKET_REFUSED}),
    (Id.SPN_HOLDER_UNUSABLE, lock("svc-fe"), {Id.TICKET_REFUSED}),
    (Id.SPN_HOLDER_ENCRYPTION, set_values("svc-fe", msDS_SupportedEncryptionTypes=4), {Id.TICKET_REFUSED}),
    (Id.ACCOUNT_UNUSABLE, tool("user", "disable", "svc-gw"), {Id.TICKET_REFUSED}),
    (Id.ACCOUNT_UNUSABLE, let_password_end, {Id.TICKET_REFUSED}),
    (Id.ACCOUNT_RESTRICTED, set_bits("svc-gw", DES_ONLY), {Id.TICKET_REFUSED}),
    (Id.ACCOUNT_RESTRICTED, set_values("svc-gw", logonHours=bytes(21)), {Id.TICKET_REFUSED}),
    (Id.ACCOUNT_NOT_FORWARDED, tool("user", "sensitive", "svc-gw", "on"), {Id.TICKET_REFUSED}),
    (Id.ACCOUNT_NOT_FORWARDED, tool("group", "addmembers", *PROTECTED), {Id.TICKET_REFUSED}),
    (Id.SPN_HOLDER_WITHOUT_PAC, set_bits("svc-fe", WITHOUT_PAC), {Id.TICKET_REFUSED}),
    (Id.KEYTAB_UNUSABLE, lose_keytab, {Id.TICKET_REFUSED}),
    (Id.KEYTAB_PRINCIPAL, take_other_keytab, {Id.TICKET_REFUSED}),
    (Id.KEYTAB_ENCRYPTION, take_weak_keytab, set()),
    (Id.KEYTAB_VERSION, change_password, set()),
    (Id.PERSON_UNUSABLE, ask_for("carol"), {Id.TICKET_REFUSED}),
    (Id.PERSON_NOT_DELEGABLE, ask_for("erin"), {Id.TICKET_REFUSED}),
    (Id.PERSON_NOT_DELEGABLE, ask_for("heidi"), {Id.TICKET_REFUSED}),
    (
        Id.BACKEND_REFUSES_TICKET,
        move(SPN, "svc-fe", "svc-ex"),
        set(),
    ),
]
"""Finding, what makes it, and what else may follow from it."""


IN_FRONT: list[tuple[Id, Callable[[Domain], None], str]] = [
    (Id.ACCOUNT_WITHOUT_PAC, set_bits("svc-gw", WITHOUT_PAC), "the ticket has no PAC"),
    (Id.ACCOUNT_ENCRYPTION, use_rc4(4), "rc4-hmac"),
    (Id.ACCOUNT_ENCRYPTION, use_rc4(""), "rc4-hmac"),
    (Id.KEYTAB_ENCRYPTION, take_keys(lambda one: one.enctype == AES128), "aes256-cts"),
    (Id.KEYTAB_VERSION, change_password, "not found in keytab"),
]
"""Finding, what makes it, and why a ticket for our own name is then refused."""


def test_nothing_is_found_in_a_domain_that_is_set_up_well(domain):
    assert domain.findings() == []


@pytest.mark.parametrize(
    ("expected", "make", "follows"), FAULTS, ids=[f"{one[0]}-{n}" for n, one in enumerate(FAULTS)]
)
def test_a_fault_is_found_and_its_remedy_ends_it(domain, expected, make, follows):
    make(domain)
    found = domain.findings()
    assert expected in {one.id for one in found}
    assert {one.id for one in found} <= {expected, *follows}
    for finding in found:
        if finding.id is expected:
            domain.mend(finding)
    assert domain.ids() == set()


def refusal_in_front(domain: Domain) -> str:
    """Why alice's ticket for our own name is not taken; "" where it is."""

    async def show() -> str:
        async with opened(domain.dc, domain.folder, keytab=domain.keytab, accept=(OWN_SPN,)) as kerberos:
            token = GssapiClient(f"alice@{REALM}", PASSWORD).token(f"{OWN_SPN}@{REALM}")
            try:
                await kerberos.acceptance.accept(token, b"", requires_binding=False)
            except TicketRefused as refused:
                return refused.detail
            return ""

    return asyncio.run(show())


@pytest.mark.parametrize(
    ("expected", "make", "problem"), IN_FRONT, ids=[f"{one[0]}-{n}" for n, one in enumerate(IN_FRONT)]
)
def test_tickets_in_front_are_refused_until_it_is_mended(domain, expected, make, problem):
    make(domain)
    assert problem in refusal_in_front(domain)
    (finding,) = (one for one in domain.findings() if one.id is not Id.TICKET_REFUSED)
    assert (finding.id, finding.severity) == (expected, Severity.ERROR)
    domain.mend(finding)
    assert domain.ids() == set()
    assert refusal_in_front(domain) == ""


def test_the_accounts_own_key_is_enough_beside_an_old_one_of_a_name(domain):
    """After a change of the password the keytab was made anew for the account's own name alone."""
    change_password(domain)
    domain.user = "alice"
    domain.dc.export_keytab(domain.keytab, "svc-gw")
    assert domain.ids() == set()
    assert refusal_in_front(domain) == ""


def test_an_account_for_smart_cards_needs_another_password_as_well(domain):
    """The domain gave it one that nobody knows, without AES keys."""
    set_bits("svc-gw", SMARTCARD_REQUIRED)(domain)
    found = {one.id: one for one in domain.findings()}
    assert set(found) == {Id.ACCOUNT_RESTRICTED, Id.KEYTAB_VERSION, Id.TICKET_REFUSED}
    domain.mend(found[Id.ACCOUNT_RESTRICTED])
    change_password(domain)
    domain.mend(found[Id.KEYTAB_VERSION])
    assert domain.ids() == set()


def test_a_service_account_that_is_no_service(domain):
    domain.accept = ""
    tool("spn", "delete", OWN_SPN, "svc-gw")(domain)
    try:
        findings = {one.id: one for one in domain.findings()}
        assert set(findings) == {Id.ACCOUNT_WITHOUT_SPN, Id.TICKET_REFUSED}
        domain.mend(findings[Id.ACCOUNT_WITHOUT_SPN])
        assert domain.ids() == set()
    finally:
        tool("spn", "delete", "handfast/svc-gw", "svc-gw")(domain)
        tool("spn", "add", OWN_SPN, "svc-gw")(domain)


def test_an_spn_that_the_kdc_finds_as_its_hosts_is_not_missing(domain):
    tool("spn", "delete", SPN, "svc-fe")(domain)
    assert Id.SPN_MISSING in domain.ids()
    tool("spn", "add", "HOST/fe.contoso.lab", "svc-fe")(domain)
    try:
        assert domain.ids() == set(), "the trial got a ticket, and the back end took it"
    finally:
        tool("spn", "delete", "HOST/fe.contoso.lab", "svc-fe")(domain)
        tool("spn", "add", SPN, "svc-fe")(domain)


# Faults that no command in the domain mends: each is gone once its cause is.


def test_a_principal_that_is_no_account(domain):
    right, domain.principal, domain.user = domain.principal, f"svc-gone@{REALM}", ""
    assert domain.ids() == {Id.ACCOUNT_MISSING, Id.KEYTAB_PRINCIPAL}
    domain.principal = right
    assert domain.ids() == set()


def test_a_person_nobody_knows(domain):
    domain.user = "mallory"
    assert domain.ids() == {Id.PERSON_UNKNOWN}


def test_a_person_who_must_change_the_password(domain):
    domain.user = "frank"
    (unusable, refused) = domain.findings()
    assert (unusable.id, unusable.what) == (Id.PERSON_UNUSABLE, "frank's password has expired")
    assert "Password has expired" in refused.what
    tool("user", "setpassword", "frank", "--newpassword=An0ther-Passw0rd")(domain)
    assert domain.ids() == set()


def test_a_ticket_that_is_refused_for_a_reason_that_lies_elsewhere(domain):
    tool("delegation", "del-service", "svc-gw", SPN)(domain)
    (refused,) = (one for one in domain.findings() if one.id is Id.TICKET_REFUSED)
    assert "delegation-refused" in refused.what
    tool("delegation", "add-service", "svc-gw", SPN)(domain)
    assert domain.ids() == set()


def test_a_kdc_that_does_not_say_whose_ticket_it_is(site, tmp_path):
    with DomainController(smb_options=WITHOUT_FAST) as dc, KdcRelay(dc.address) as relay:
        relay.change = PacRemover(encrypting_key(dc.keytab("gw"), "svc-gw"))
        domain = Domain(dc, tmp_path, (site.url,), user="alice", kdc=relay.address)
        domain.keytab.touch(0o600)
        domain.keytab.write_bytes(dc.keytab("gw").read_bytes())
        (refused,) = (one for one in domain.findings() if one.id is Id.TICKET_REFUSED)
    assert "ticket-unidentified" in refused.what
    assert "no PAC" in refused.what


def test_a_back_end_that_is_down(domain):
    urls = domain.urls
    domain.urls = (*urls, f"http://127.0.0.1:{free_port()}")
    (finding,) = domain.findings()
    assert finding.id is Id.BACKEND_UNREACHABLE
    assert domain.urls[1] in finding.what
    domain.urls = urls
    assert domain.ids() == set()


# The command as it is typed.


def run(domain: Domain, *words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [
        *before,
        sys.executable,
        "-m",
        "handfast",
        "kerberos",
        "check",
        "--settings",
        str(domain.settings),
        *words,
    ]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"}
    )


def found_with(domain: Domain, *before: str) -> set[str]:
    done = run(domain, "--json", before=before)
    return {one["id"] for one in json.loads(done.stdout)}


@pytest.mark.needs("faketime")
def test_a_clock_that_is_an_hour_off(domain):
    done = run(domain, "--json", before=("faketime", "-f", "+1h"))
    findings = {one["id"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 1
    assert "ahead of the domain controller's" in findings["clock-skew"]["what"]
    assert "clock-skew" not in found_with(domain)


@pytest.mark.needs("unshare")
@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ("127.0.0.1 fe.contoso.lab\n", set()),
        ("127.0.0.1 ex1.contoso.lab fe.contoso.lab\n", {"name-is-alias"}),
        ("127.9.9.9 fe.contoso.lab\n", {"name-elsewhere"}),
        ("", {"name-elsewhere"}),
    ],
)
def test_what_the_resolver_says_of_the_name_in_the_spn(domain, hosts, expected):
    file = domain.folder / "hosts"
    file.write_text("127.0.0.1 localhost\n" + hosts)
    mount = f'mount --bind {shlex.quote(str(file))} /etc/hosts && exec "$@"'
    assert found_with(domain, "unshare", "-m", "sh", "-c", mount, "sh") == expected


def test_the_report_as_a_page_and_the_commands_on_the_terminal(domain):
    tool("delegation", "del-service", "svc-gw", SPN)(domain)
    page = domain.folder / "report.html"
    try:
        done = run(domain, "--user", "alice", "--html", str(page))
    finally:
        tool("delegation", "add-service", "svc-gw", SPN)(domain)
    assert done.returncode == 1, done.stderr
    assert f"#   samba-tool delegation add-service svc-gw {SPN}" in done.stdout
    assert "PS> Set-ADObject -Identity 'CN=svc-gw,CN=Users,DC=contoso,DC=lab' -Add" in done.stdout
    assert "delegation-missing" in page.read_text()


def test_without_a_directory_it_says_what_to_do(tmp_path):
    settings = tmp_path / "handfast.toml"
    settings.write_text("")
    command = [sys.executable, "-m", "handfast", "kerberos", "check", "--settings", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "handfast directory init" in done.stderr


def test_every_finding_was_shown():
    elsewhere = {
        Id.ACCOUNT_MISSING,
        Id.ACCOUNT_WITHOUT_SPN,
        Id.PERSON_UNKNOWN,
        Id.TICKET_REFUSED,
        Id.BACKEND_UNREACHABLE,
        Id.CLOCK_SKEW,
        Id.NAME_IS_ALIAS,
        Id.NAME_ELSEWHERE,
    }
    assert {one[0] for one in (*FAULTS, *IN_FRONT)} | elsewhere == set(Id)
