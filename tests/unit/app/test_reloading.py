"""What a reload is refused for before any process hears of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization

from handfast.app.reloading import ReloadCheck
from handfast.keys.pki import issue_demo_certificate
from handfast.settings.load import load_settings

SETTINGS = """
[identity]
key_file = "{folder}/handfast.key"

[kerberos]
{kerberos}

{directory}

[[listener]]
name = "outside"
address = "127.0.0.1:{port}"
certificate = "{certificate}"
key = "{key}"

[[publication]]
name = "mail"
hosts = ["mail.example.org"]

[publication.backend]
urls = ["http://127.0.0.1:8080"]
{backend}

[[policy]]
mode = "{mode}"
"""


class File:
    """A settings file that is good, and what became of it."""

    def __init__(self, folder) -> None:
        self.folder = folder
        _, made = issue_demo_certificate(folder / "tls", ["mail.example.org"], now=datetime.now(UTC))
        self.values = {
            "folder": folder,
            "port": 8443,
            "mode": "window",
            "backend": "",
            "kerberos": "",
            "directory": "",
            "certificate": made.certificate,
            "key": made.key,
        }
        self.path = folder / "handfast.toml"
        self.write()
        self.start()

    def start(self) -> None:
        """The service begins with the file as it is."""
        self.check = ReloadCheck(self.path, load_settings(self.path).settings)

    def write(self, **changes) -> None:
        self.path.write_text(SETTINGS.format(**{**self.values, **changes}))

    def problems(self, **changes) -> str:
        self.write(**changes)
        return "\n".join(self.check.problems())


@pytest.fixture
def file(tmp_path):
    return File(tmp_path)


def test_good_settings_may_be_taken(file):
    assert file.problems() == ""
    assert file.problems(mode="first-use") == ""


def test_a_value_that_is_none_is_named(file):
    assert "policy[0].mode" in file.problems(mode="first-usr")


def test_keys_in_the_realm_change_only_by_a_restart_which_is_said(file, caplog, capsys):
    assert file.problems(kerberos='deadline_seconds = 2.0\nkdcs = ["10.0.0.5"]') == ""
    said = capsys.readouterr().out + caplog.text
    assert "reload-partial" in said
    assert "'kerberos.kdcs', 'kerberos.deadline_seconds'" in said
    assert "kerberos.threads" not in said
    file.problems(mode="first-use")
    assert "reload-partial" not in capsys.readouterr().out


def test_listeners_change_only_by_a_restart(file):
    assert "restart" in file.problems(port=9443)


@pytest.mark.parametrize("which", ["certificate", "key"])
def test_a_file_that_is_not_there_is_named(file, which):
    said = file.problems(**{which: file.folder / "gone.pem"})
    assert f"listener[0].{which}" in said
    assert "does not exist" in said


def test_a_missing_ca_file_of_the_back_end_is_named(file):
    assert "publication[0].backend.ca_file" in file.problems(backend='ca_file = "/nonexistent/ca.pem"')


def test_another_certificates_key_is_refused(file):
    _, other = issue_demo_certificate(file.folder / "other", ["x.example.org"], now=datetime.now(UTC))
    said = file.problems(key=other.key)
    assert "listener[0].certificate" in said
    assert str(other.key) in said


def test_what_is_no_certificate_is_refused(file):
    (file.folder / "text.pem").write_text("hello")
    assert "listener[0].certificate" in file.problems(certificate=file.folder / "text.pem")


def test_a_key_with_a_passphrase_is_refused_without_asking_for_it(file):
    key = serialization.load_pem_private_key(file.values["key"].read_bytes(), None)
    locked = file.folder / "locked.key"
    encryption = serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    assert "passphrase" in file.problems(key=locked)


def test_a_key_only_the_workers_may_read_is_left_to_them(file, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("handfast.app.reloading.ssl.SSLContext.load_cert_chain", refuse)
    assert file.problems() == ""


def directory(password, ca_file=None) -> str:
    named = f'ca_file = "{ca_file}"\n' if ca_file else ""
    return (
        f'[directory]\nbind_user = "reader@contoso.lab"\nbind_password_file = "{password}"\n{named}\n'
        '[[directory.server]]\nname = "dc1.contoso.lab"\n'
    )


def test_a_directory_that_identity_could_not_open_is_refused_before_any_gateway_hears_of_it(file):
    password = file.folder / "password"
    password.write_text("")
    assert "bind_password_file" in file.problems(directory=directory(password))
    password.write_text("secret\n")
    assert file.problems(directory=directory(password)) == ""
    broken = file.folder / "ca.pem"
    broken.write_text("no certificate")
    said = file.problems(directory=directory(password, broken))
    assert "directory: ca_file" in said
    assert "PEM" in said


def test_a_password_that_is_being_changed_keeps_nobody_from_reloading_the_rest(file):
    password = file.folder / "password"
    password.write_text("secret\n")
    file.write(directory=directory(password))
    file.start()
    password.write_text("")
    assert file.problems(directory=directory(password), mode="first-use") == ""


def test_a_directory_that_was_taken_out_is_looked_at_when_it_comes_back(file):
    password, authority = file.folder / "password", file.folder / "ca.pem"
    password.write_text("secret\n")
    authority.write_bytes(file.values["certificate"].read_bytes())
    file.write(directory=directory(password, authority))
    file.start()
    assert file.problems(directory="") == ""
    authority.write_text("no certificate")
    assert "directory: ca_file" in file.problems(directory=directory(password, authority))
