"""`handfast kerberos check` in a real domain: each finding made for real, found, and gone after the samba-tool lines it prints."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.app.kerberos_check import look
from handfast.doctor.kerberos.findings import KerberosFinding
from handfast.doctor.kerberos.findings import KerberosFindingId as Id
from handfast.doctor.kerberos.judging import judge
from handfast.doctor.kerberos.remedies import SAM_DATABASE
from handfast.protocols.kerberos.keytab import encode_keytab, parse_keytab
from handfast.settings.load import load_settings
from tests.servers import samba_domain
from tests.servers.apache_gssapi import KerberosSite, kerberos_site
from tests.servers.kdc_relay import KdcRelay
from tests.servers.pac_remover import WITHOUT_FAST, PacRemover, encrypting_key
from tests.servers.processes import free_port
from tests.servers.samba import BASE, NEEDS, REALM, DomainController

pytestmark = NEEDS

SPN, OWN_SPN, OTHER_SPN = "HTTP/fe.contoso.lab", "HTTP/gateway.contoso.lab", "HTTP/mail.contoso.lab"
NO_DNS = {Id.NAME_ELSEWHERE}
"""This machine's resolver knows nothing of contoso.lab; the tests of names give it a hosts file."""
RC4 = 23


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
accept = ["{OWN_SPN}"]

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


def set_values(name: str, **values: str | int) -> Callable[[Domain], None]:
    return lambda domain: domain.dc.set_user(name, **values)


def lock(name: str) -> Callable[[Domain], None]:
    now = int((datetime.now(UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds() * 10**7)
    return set_values(name, lockoutTime=now)


def lose_keytab(domain: Domain) -> None:
    domain.keytab.unlink()
    domain.user = ""


def take_other_keytab(domain: Domain) -> None:
    domain.keytab.write_bytes(domain.dc.keytab("fe").read_bytes())
    domain.user = ""


def take_weak_keytab(domain: Domain) -> None:
    entries = parse_keytab(domain.keytab.read_bytes())
    domain.keytab.write_bytes(encode_keytab(replace(one, enctype=RC4, key=bytes(16)) for one in entries))
    domain.user = ""


def change_password(domain: Domain) -> None:
    tool("user", "setpassword", "svc-gw", "--newpassword=An0ther-Passw0rd")(domain)
    domain.dc.export_keytab(domain.dc.keytab("gw"), "svc-gw")  # what the tests after this one begin with
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
    (Id.ACCOUNT_ENCRYPTION, set_values("svc-gw", msDS_SupportedEncryptionTypes=""), {Id.TICKET_REFUSED}),
    (Id.KEYTAB_UNUSABLE, lose_keytab, set()),
    (Id.KEYTAB_PRINCIPAL, take_other_keytab, set()),
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


# Faults that no command in the domain mends: each is gone once its cause is.


def test_a_principal_that_is_no_account(domain):
    right, domain.principal, domain.user = domain.principal, f"svc-gone@{REALM}", ""
    assert domain.ids() == {Id.ACCOUNT_MISSING, Id.KEYTAB_PRINCIPAL}
    domain.principal = right
    assert domain.ids() == set()


def test_a_person_nobody_knows(domain):
    domain.user = "mallory"
    assert domain.ids() == {Id.PERSON_UNKNOWN}


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
        Id.PERSON_UNKNOWN,
        Id.TICKET_REFUSED,
        Id.BACKEND_UNREACHABLE,
        Id.CLOCK_SKEW,
        Id.NAME_IS_ALIAS,
        Id.NAME_ELSEWHERE,
    }
    assert {one[0] for one in FAULTS} | elsewhere == set(Id)
