"""Which certificates identity lets in, what it answers to a node that oversteps, and how a lost node is cut off."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from handfast.decision.access import AccessRequest, BasicCredential, ClaimedDevice
from handfast.decision.outcome import Decision, Grant, Outcome
from handfast.decision.ports import BackendSignInRefused
from handfast.identity.channels import Channel
from handfast.identity.ports import Unavailable
from handfast.identity.records import AccountId
from handfast.identity_api.client import IdentityClient
from handfast.keys import pki
from handfast.keys.mutual_tls import build_node_context
from tests.servers.namespaces import inside
from tests.servers.processes import descendants
from tests.split_installation import IDENTITY_PORT, NODE, SplitSite, needs_root, split_site

pytestmark = pytest.mark.needs("ip")


@pytest.fixture(scope="module")
def site():
    needs_root()
    with split_site(workers=1) as one:
        yield one


def asking(node: str, login: str, password: str, *, publication: str = "mail") -> AccessRequest:
    """A sign-in as a gateway reports it."""
    return AccessRequest(
        request_id=os.urandom(12).hex(),
        node=node,
        listener="outside",
        source="198.51.100.9",
        publication=publication,
        rule="activesync",
        channel=Channel.ACTIVESYNC,
        credential=BasicCredential(login, password),
        device=ClaimedDevice("NODEPHONE", "SimPhone"),
        command="FolderSync",
    )


class Node:
    """A node's own program in the DMZ, with its certificate and nothing else of ours."""

    def __init__(self, site: SplitSite, name: str, certificate: Path, key: Path) -> None:
        self._site, self.name = site, name
        self._context = build_node_context(certificate, key, site.identity.folder / "pki" / "ca.crt")

    def run(self, work):
        """Runs `work(client)` in the DMZ."""

        async def with_client():
            address = self._site.network.links["identity"].lan_address
            client = IdentityClient.over_tls(
                f"https://{address}:{IDENTITY_PORT}", self._context, node=self.name
            )
            try:
                return await work(client)
            finally:
                await client.close()

        with inside(self._site.gateway.namespace):
            return asyncio.run(with_client())

    def evaluate(self, request: AccessRequest) -> Decision:
        return self.run(lambda client: client.evaluate(request))


def self_signed(folder: Path) -> tuple[Path, Path]:
    """All that a node certificate says, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NODE)])
    now = datetime.now(UTC)
    uris = [f"urn:handfast:node:{NODE}", "urn:handfast:publication:mail"]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]), False
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    crt, key_file = folder / "self.crt", folder / "self.key"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return crt, key_file


def expired(folder: Path, site: SplitSite) -> tuple[Path, Path]:
    """Issued by the right CA, over since yesterday."""
    past = datetime.now(UTC) - timedelta(days=8)
    made = pki.issue(
        site.identity.folder / "pki", "late", now=past, publications=["mail"], days=7, into=folder
    )
    return made.certificate, made.key


def foreign(folder: Path, site: SplitSite) -> tuple[Path, Path]:
    """Another Handfast's CA, by the same commands."""
    site.pki("init", "--directory", str(folder / "other"))
    site.pki("issue", NODE, "--publication", "mail", "--directory", str(folder / "other"))
    return folder / "other" / f"{NODE}.crt", folder / "other" / f"{NODE}.key"


def identity_s_own(_folder: Path, site: SplitSite) -> tuple[Path, Path]:
    """Of the right CA, but no node's."""
    return site.identity.folder / "identity.crt", site.identity.folder / "identity.key"


@pytest.mark.parametrize(
    "make",
    [lambda folder, _site: self_signed(folder), expired, foreign, identity_s_own],
    ids=["self-signed", "expired", "foreign-ca", "identity-s-own"],
)
def test_a_wrong_certificate_is_refused(site, tmp_path, make):
    person = site.enrol()
    certificate, key = make(tmp_path, site)
    with pytest.raises(Unavailable):
        Node(site, NODE, certificate, key).evaluate(asking(NODE, person.login, person.password))
    assert site.identity.cli("device", "list", person.user) == [], "identity decided for it all the same"
    assert site.ask(person, "PHONE1").status == 200, "the right node still works"


def test_the_gateway_itself_with_a_foreign_certificate_serves_nobody(tmp_path):
    needs_root()
    with split_site(workers=1, starts_gateway=False) as site:
        person = site.enrol()
        certificate, key = foreign(tmp_path, site)
        site.gateway.write_settings(node_certificate=certificate, node_key=key)
        site.gateway.start()
        answer = site.ask(person, "PHONE1")
        assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert site.reached(person) == 0


def test_the_nodes_certificate_works_where_the_others_failed(site):
    """The counterpart of the refusals: the same call, the right certificate."""
    person = site.enrol()
    node = Node(site, "edge7", *site.issue_node("edge7", "mail"))
    assert node.evaluate(asking("edge7", person.login, person.password)).outcome is Outcome.ALLOW
    assert "edge7" in [row["name"] for row in site.pki("list")]


def test_a_node_gets_no_publication_its_certificate_does_not_name(site):
    person = site.enrol()
    other = Node(site, "edge2", *site.issue_node("edge2", "calendar"))
    grant = Grant("g1", "mail", AccountId(1), "x", 0, 300.0, device_id="NODEPHONE", node="edge2")
    calls = {
        "evaluate": lambda client: client.evaluate(asking("edge2", person.login, person.password)),
        "challenge": lambda client: client.issue_challenge("mail", "c1", b"NTLMSSP\0"),
        "authorize": lambda client: client.authorize(grant),
        "refused": lambda client: client.report_refused(grant, "v1"),
    }
    for name, call in calls.items():
        with pytest.raises(Unavailable, match="403"):
            pytest.fail(f"{name} was answered: {other.run(call)}")
    assert site.identity.cli("device", "list", person.user) == []
    site.identity.wait_for_log_line("node-overreached", "edge2")


def test_a_node_can_not_speak_for_another_node(site):
    person = site.enrol()
    node = Node(site, "edge3", *site.issue_node("edge3", "mail"))
    for name in (NODE, "local", ""):
        with pytest.raises(Unavailable, match="403"):
            node.evaluate(asking(name, person.login, person.password))
    assert site.identity.cli("device", "list", person.user) == []


def test_a_grant_another_node_got_opens_nothing(site):
    person = site.enrol()
    first = Node(site, "edge4", *site.issue_node("edge4", "mail"))
    second = Node(site, "edge5", *site.issue_node("edge5", "mail"))
    grant = first.evaluate(asking("edge4", person.login, person.password)).grant
    assert grant is not None
    for claimed in (grant, replace(grant, node="edge5")):
        with pytest.raises((Unavailable, BackendSignInRefused)):
            second.run(lambda client, claimed=claimed: client.authorize(claimed))
    assert first.run(lambda client: client.authorize(grant)).headers[0][0] == b"X-Remote-User"


@pytest.mark.alone
def test_a_revoked_node_is_cut_at_once_stays_out_and_what_it_saw_is_listed(site):
    person = site.enrol()
    node = Node(site, "edge6", *site.issue_node("edge6", "mail"))
    request = asking("edge6", person.login, person.password)
    revoked_at = 0.0
    listed: dict = {}

    def revoke() -> None:
        nonlocal revoked_at, listed
        listed = site.pki("revoke-node", "edge6")
        revoked_at = time.monotonic()

    async def lose(client):
        assert (await client.evaluate(request)).outcome is Outcome.ALLOW
        async with aclosing(client.revocations(0)) as stream:
            await anext(stream)
            revoking = asyncio.get_running_loop().run_in_executor(None, revoke)
            with pytest.raises(Unavailable):
                while True:
                    await anext(stream)
            cut_at = time.monotonic()
            await revoking
        with pytest.raises(Unavailable):
            await client.evaluate(request)
        return cut_at

    assert node.run(lose) - revoked_at < 0.5
    [password] = site.identity.cli("app-password", "list", person.user)
    assert [row["app_password"] for row in listed["saw"]] == [password["id"]]
    with pytest.raises(Unavailable):
        node.evaluate(request)
    again = Node(site, "edge6", *_second_certificate(site, "edge6"))
    with pytest.raises(Unavailable):
        again.evaluate(request)
    site.identity.wait_for_log_line("node-refused", "edge6", "revoked")
    other = site.enrol()
    assert site.ask(other, "PHONE9").status == 200, "the other nodes are not touched"


def _second_certificate(site: SplitSite, name: str) -> tuple[Path, Path]:
    """A thief of the node may have had two."""
    (site.folder / "issued" / f"{name}.key").rename(site.folder / "issued" / f"{name}.old.key")
    (site.folder / "issued" / f"{name}.crt").rename(site.folder / "issued" / f"{name}.old.crt")
    return site.issue_node(name, "mail")


def test_a_node_stolen_before_it_was_ever_seen_can_be_revoked(site):
    person = site.enrol()
    node = Node(site, "edge8", *site.issue_node("edge8", "mail"))
    assert site.identity.run("pki", "revoke-node", "edge8").returncode == 4, "it may be a slip of the pen"
    assert site.pki("revoke-node", "edge8", "--unseen")["certificates"] == 0
    with pytest.raises(Unavailable):
        node.evaluate(asking("edge8", person.login, person.password))


def test_the_dmz_holds_no_key_file_database_or_verifier(site):
    """Settings, files and open files of the node: its TLS keys, its certificate, and nothing of identity's."""
    person = site.enrol(ntlm=True)
    assert site.ask(person, "PHONE1").status == 200
    settings = site.gateway.settings.read_text()
    assert not [word for word in ("key_file", "database", "sqlite", "postgresql") if word in settings]
    dmz, lan = site.gateway.folder, site.identity.folder
    names = sorted(str(path.relative_to(dmz)) for path in dmz.rglob("*") if path.is_file())
    kept = {name for name in names if not name.startswith("run/metrics/")}
    assert kept <= {
        *("ca.crt", f"{NODE}.crt", f"{NODE}.key", "handfast.toml", "handfast.log"),
        *("tls/demo-ca.crt", "tls/demo-server.crt", "tls/demo-server.key"),
        "run/started-with.json",
    }
    assert {name.partition(".")[0] for name in json.loads((dmz / "run/started-with.json").read_text())} == {
        *("gateway", "log", "metrics")
    }
    secrets_of_identity = (lan / "handfast.key", lan / "pki" / "ca.key", lan / "identity.key")
    for path in filter(Path.is_file, dmz.rglob("*")):
        content = path.read_bytes()
        assert person.password.encode() not in content, f"{path} holds an app password"
        for secret in secrets_of_identity:
            assert secret.read_bytes() not in content
    assert site.gateway.process is not None
    processes = [site.gateway.process.pid, *descendants(site.gateway.process.pid)]
    assert len(processes) >= 2
    for pid in processes:
        opened = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        assert not [path for path in opened if path.startswith(str(lan))]
        assert str(lan) not in Path(f"/proc/{pid}/maps").read_text()


def test_administration_is_refused_at_the_edge_and_says_where_to_go(site):
    done = site.gateway.run("account", "list")
    assert done.returncode == 3
    assert "where identity runs" in done.stderr


@pytest.mark.parametrize("where", ["identity", "gateway"])
def test_stored_secrets_are_refused_on_two_machines(site, where):
    """Settings with `auth = "stored"` are refused before anything is served, on both sides, with a remedy."""
    installation = getattr(site, where)
    stored = installation.folder / "stored.toml"
    stored.write_text(installation.settings.read_text().replace('auth = "header"', 'auth = "stored"'))
    for words in (("settings", "check"), (where,)):
        done = replace(installation, settings=stored).run(*words)
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert "stored secrets are for one machine" in said
        assert "handfast serve" in said
    stored.unlink()


def test_identity_does_not_give_stored_secrets_to_a_node_even_if_asked(site):
    """Reloading identity with a stored publication is refused, and what runs stays as it is."""
    identity = site.identity
    refused = ("reload-refused", "stored secrets")
    before = len(identity.log_lines(*refused))
    identity.write_settings(backend_auth="stored")
    try:
        identity.reload()
        identity.wait_for_log_line(*refused, count=before + 1)
    finally:
        identity.write_settings(backend_auth="header")
    person = site.enrol()
    assert site.ask(person, "PHONE1").status == 200
