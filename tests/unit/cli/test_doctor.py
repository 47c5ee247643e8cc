import json
import os

import pytest

from handfast.cli import doctor as command
from handfast.directory import checking, opening
from handfast.keys.key_file import create_key_file
from handfast.protocols.kerberos.keytab import KeytabEntry, encode_keytab
from handfast.protocols.kerberos.principal import parse_principal
from handfast.settings.load import load_settings
from tests.servers.processes import server_directory


@pytest.fixture
def key_file(tmp_path):
    import datetime as dt

    create_key_file(tmp_path / "handfast.key", now=dt.datetime.now(dt.UTC))
    return tmp_path / "handfast.key"


def ids(result):
    return {one["id"] for one in json.loads(result.stdout)}


def test_an_installation_that_is_well(line, key_file, monkeypatch):
    monkeypatch.setattr(command, "identity_listens", lambda _: True)
    line.administration.answers.update(status={}, audit_verify={"ok": True})
    result = line("doctor", "--json")
    assert ids(result) <= {"settings-warning", "disk-low"}
    assert result.exit_code == 0


def test_identity_that_does_not_run(line, key_file):
    line.administration.answers["audit_verify"] = {"ok": True}
    result = line("doctor", "--json")
    assert result.exit_code == 1
    assert "identity-unreachable" in ids(result)


def test_identity_that_does_not_answer(line, key_file, monkeypatch, refusal):
    monkeypatch.setattr(command, "identity_listens", lambda _: True)
    line.administration.answers.update(
        status=refusal("unavailable", "locked"), audit_verify=ZeroDivisionError("x")
    )
    found = ids(line("doctor", "--json"))
    assert {"identity-unreachable", "database-unusable"} <= found


def test_a_key_file_of_another_database(line, key_file):
    line.administration.answers["audit_verify"] = {"ok": False}
    result = line("doctor")
    assert "key-file-other-database" in result.stdout
    assert "restore the key file" in result.stdout


def test_a_broken_key_file(line, key_file):
    key_file.write_text("nothing")
    assert "key-file-unusable" in ids(line("doctor", "--json"))
    key_file.unlink()
    assert "key-file-missing" in ids(line("doctor", "--json"))


def test_settings_that_are_wrong_are_findings(line):
    line.settings_file.write_text("[gateway]\nworker = 1\n")
    result = line("doctor", "--json")
    assert result.exit_code == 1
    assert ids(result) == {"settings"}


def test_files_that_are_not_there(line, key_file, tmp_path):
    text = line.settings_file.read_text()
    line.settings_file.write_text(text + f'database_password_file = "{tmp_path}/none"\n')
    assert "settings-file" in ids(line("doctor", "--json"))


def test_no_settings_at_all(line, tmp_path):
    line.settings_file = tmp_path / "none"
    assert line("doctor").exit_code == 4


DAEMON, MEMBER = 1, 2**31 - 7


@pytest.fixture
def domain():
    """Settings of a domain whose secrets are daemon's, in a folder that nobody else enters."""
    if os.geteuid() != 0:
        pytest.skip("needs root, which can be another user")
    with server_directory("doctor") as folder:
        shut = folder / "secrets"
        shut.mkdir()
        (folder / "run").mkdir()
        (shut / "keytab").write_bytes(
            encode_keytab([KeytabEntry(parse_principal("svc@CONTOSO.LAB"), 1, 18, bytes(32))])
        )
        (shut / "password").write_text("secret\n")
        for one in (shut, *shut.iterdir(), folder / "run"):
            os.chown(one, DAEMON, DAEMON)
            one.chmod(0o700 if one.is_dir() else 0o600)
        file = folder / "handfast.toml"
        file.write_text(f"""
[identity]
database = "sqlite:///{folder}/handfast.db"
key_file = "{folder}/handfast.key"
runtime_dir = "{folder}/run"
[directory]
bind_user = "svc@contoso.lab"
bind_password_file = "{shut}/password"
[[directory.server]]
name = "dc1.contoso.lab"
[kerberos]
keytab = "{shut}/keytab"
principal = "svc@CONTOSO.LAB"
kdcs = ["dc 1"]
""")
        yield file


@pytest.fixture
def asked(monkeypatch):
    """As whom the directory is asked; it says nothing."""
    seen = []

    async def check(settings, *_, **__):
        opening.open_account(settings)
        seen.append(os.geteuid())
        return (), []

    monkeypatch.setattr(checking, "check_directory", check)
    return seen


def told(file):
    return [one.id for one in command.outside(load_settings(file).settings).check_directory()]


@pytest.mark.parametrize("is_open", [False, True])
def test_a_member_of_the_admin_group_does_not_judge_what_only_identity_sees(domain, asked, is_open):
    if is_open:
        for one in (domain.parent / "secrets", *(domain.parent / "secrets").iterdir()):
            one.chmod(0o755)
    assert told(domain) == ["kerberos-setup"], "root sees what identity would"
    assert asked == [DAEMON]
    os.seteuid(MEMBER)
    try:
        assert told(domain) == []
        assert "settings-file" not in {one.id for one in command.diagnose(domain)}
    finally:
        os.seteuid(0)
    assert asked == [DAEMON]


@pytest.mark.parametrize("name", ["keytab", "password"])
def test_a_file_that_identity_can_not_read_is_told_once(domain, asked, name):
    os.chown(domain.parent / "secrets" / name, 0, 0)
    found = [one for one in command.diagnose(domain) if f"secrets/{name}" in one.what]
    assert [one.id for one in found] == ["settings-file"]
    assert found[0].remedy.startswith(f"`chown daemon {domain.parent}/secrets/{name}`")


def test_a_krb5_conf_behind_a_door_that_is_shut_takes_no_finding_away(domain, asked):
    shut = domain.parent / "root"
    shut.mkdir(0o700)
    (shut / "krb5.conf").touch()
    domain.write_text(f'{domain.read_text()}krb5_conf = "{shut}/krb5.conf"\n')
    found = [one for one in command.diagnose(domain) if "krb5.conf" in one.what]
    assert [one.id for one in found] == ["settings-file"]


def test_a_database_belongs_to_identity_s_user_whoever_owns_its_folder(domain, asked):
    database, folder = domain.parent / "data/handfast.db", domain.parent / "data"
    folder.mkdir()
    database.touch(0o600)
    os.chown(database, DAEMON, DAEMON)
    os.chown(folder, MEMBER, DAEMON)
    folder.chmod(0o2770)
    domain.write_text(domain.read_text().replace("/handfast.db", "/data/handfast.db"))
    assert "database-not-writable" not in {one.id for one in command.diagnose(domain)}
    (folder / "handfast.db.lock").touch(0o600)
    [found] = [one for one in command.diagnose(domain) if one.id == "database-not-writable"]
    assert found.remedy == f"chown daemon {folder}/handfast.db.lock"
