"""The whole examination of an installation that is well, and then of one broken thing after another."""

import datetime as dt
import os
import pwd
import socket
from dataclasses import replace

import pytest

from handfast.doctor import probes
from handfast.doctor.examination import Outside, examine
from handfast.doctor.findings import FindingId, error
from handfast.doctor.identity_link import LinkTools
from handfast.keys.mutual_tls import build_node_context
from handfast.keys.pki import parse_node_certificate
from handfast.settings.load import Loaded, parse_settings
from tests.fakes.doctor_world import Authority, key_pem, pem

ROOT = Authority("root")
WELL = Outside(
    load_keys=lambda _: None,
    match_keys=lambda: None,
    ask_identity=lambda: None,
    open_records=lambda: None,
    check_directory=list,
    link=LinkTools(parse_node_certificate, build_node_context),
)
HOST = "localhost"


class World:
    def __init__(self, folder, backend_port):
        self.folder, self.backend_port = folder, backend_port
        self.more = {"identity": "", "gateway": "", "listener": "", "publication": ""}
        certificate, key = ROOT.issue(HOST, begins=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
        (folder / "c.pem").write_bytes(pem(certificate))
        (folder / "c.key").write_bytes(key_pem(key))
        (folder / "k").write_text("x")
        (folder / "k").chmod(0o600)

    def ids(self, outside=WELL, now=None):
        text = f"""
[identity]
database = "sqlite:///{self.folder}/h.db"
key_file = "{self.folder}/k"
{self.more["identity"]}
[gateway]
{self.more["gateway"]}
[[listener]]
name = "o"
address = "127.0.0.1:0"
certificate = "{self.folder}/c.pem"
key = "{self.folder}/c.key"
{self.more["listener"]}
[[publication]]
name = "eas"
hosts = ["{HOST}"]
backend.urls = ["http://127.0.0.1:{self.backend_port}"]
{self.more["publication"]}
"""
        settings, warnings = parse_settings(text)
        found = examine(Loaded(settings, self.folder / "x", warnings), outside, now)
        assert all(one.what and one.remedy for one in found)
        return [one.id for one in found if one.id not in {"disk-low", "worker-user-not-set"}]


@pytest.fixture
def world(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(
        probes, "trusted_subjects", lambda: frozenset({ROOT.certificate.subject.public_bytes()})
    )
    return World(tmp_path, serve().port)


def test_an_installation_that_is_well(world):
    assert world.ids() == []


def test_settings_warning(world):
    world.more["publication"] = "backend.idle_seconds = 300"
    assert world.ids() == ["settings-warning"]


def test_certificates(world):
    (world.folder / "c.key").unlink()
    assert world.ids() == ["certificate-unreadable", "certificate-names"]
    (world.folder / "c.key").write_bytes(b"x")
    assert world.ids() == ["certificate-key-unreadable"]
    (world.folder / "c.pem").write_bytes(b"x")
    assert world.ids() == ["certificate-unreadable", "certificate-names"]


def test_key_file(world):
    (world.folder / "k").chmod(0o644)
    assert world.ids() == ["key-file-mode"]
    (world.folder / "k").chmod(0o600)
    broken = replace(WELL, load_keys=lambda _: "line 3 is no key")
    assert world.ids(broken) == ["key-file-unusable"]
    other = replace(WELL, match_keys=lambda: "another")
    assert world.ids(other) == ["key-file-other-database"]
    shut = replace(WELL, open_records=lambda: "locked", match_keys=lambda: "not asked then")
    assert world.ids(shut) == ["database-unusable"]
    (world.folder / "k").unlink()
    assert world.ids() == ["key-file-missing"]


def test_identity(world):
    silent = replace(WELL, ask_identity=lambda: "refused")
    assert world.ids(silent) == ["identity-unreachable"]
    world.more["identity"] = 'admin_group = "no-such-group-here"'
    assert world.ids() == ["admin-group"]


def test_the_domains_lockout_is_asked_for_where_identity_is(world):
    told = error(FindingId.DOMAIN_LOCKOUT_MARGIN, "what", "remedy")
    assert world.ids(replace(WELL, check_directory=lambda: [told])) == ["domain-lockout-margin"]


def test_ports(world):
    with socket.create_server(("127.0.0.1", 0)) as server:
        world.more["listener"] = f'[[listener]]\nname = "p"\naddress = "127.0.0.1:{server.getsockname()[1]}"'
        assert world.ids() == ["port-in-use"]
        ours = replace(WELL, is_running=True)
        assert world.ids(ours) == []


def test_workers(world):
    world.more["gateway"] = 'user = "no-such-user-here"'
    assert world.ids() == ["worker-user"]
    me = pwd.getpwuid(os.geteuid())
    world.more["gateway"] = f'user = "{me.pw_name}"'
    expected = "worker-user" if me.pw_uid == 0 else "worker-user-reads-secrets"
    assert expected in world.ids()


def test_workers_of_a_node_read_its_certificate_for_themselves(world):
    files = [world.folder / one for one in ("nc", "nk", "na")]
    for one in files:
        one.write_text("x")
        one.chmod(0o600)
    certificate, key, ca_file = files
    link = f'url = "https://identity.lan:7443"\ncertificate = "{certificate}"\nkey = "{key}"\nca_file = "{ca_file}"'
    world.more["gateway"] = f'user = "daemon"\n[gateway.identity]\n{link}'
    assert world.ids().count("worker-user-lacks-certificate") == len(files) + 2, "and the listener's two"


def test_back_end_clock_and_dns(world, serve, monkeypatch):
    world.backend_port = serve(b"HTTP/1.1 200 OK\r\nDate: Sun, 01 Mar 2020 12:00:00 GMT\r\n\r\n").port
    assert world.ids() == ["clock-off"]
    world.backend_port = serve(b"HTTP/1.1 500 Broken\r\n\r\n").port
    assert world.ids() == ["backend-status"]
    monkeypatch.setattr(probes, "dns_problem", lambda _: "unknown")
    assert world.ids() == ["backend-status", "dns-name"]


def test_a_gateway_node_has_no_records_to_look_at(world):
    for one in ("nc", "nk", "na"):
        (world.folder / one).write_text("x")
    folder = world.folder
    world.more["gateway"] = (
        f'[gateway.identity]\nurl = "https://identity.lan:7443"\ncertificate = "{folder}/nc"\nkey = "{folder}/nk"\nca_file = "{folder}/na"'
    )
    (world.folder / "k").unlink()
    silent = replace(
        WELL,
        load_keys=lambda _: "x",
        match_keys=lambda: "x",
        ask_identity=lambda: "x",
        open_records=lambda: "x",
    )
    (folder / "nk").chmod(0o600)
    assert world.ids(silent) == ["node-certificate-unreadable"]


def test_a_key_file_that_others_may_use_is_refused_for_that_alone(world):
    (world.folder / "k").chmod(0o640)
    refused = replace(WELL, load_keys=lambda _: "mode 0640", match_keys=lambda: "not asked then")
    assert world.ids(refused) == ["key-file-mode"]
