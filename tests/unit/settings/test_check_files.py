from pathlib import Path

from handfast.settings.check_files import check_files, named_files
from handfast.settings.load import parse_settings


def settings_with(folder):
    return parse_settings(f"""
[identity]
key_file = "{folder}/k"
database_password_file = "{folder}/pw"
[identity.listen]
address = "127.0.0.1:7443"
certificate = "{folder}/ic"
key = "{folder}/ik"
ca_file = "{folder}/ica"
[directory]
ca_file = "{folder}/dca"
bind_user = "reader@a.b"
bind_password_file = "{folder}/dpw"
[[directory.server]]
name = "dc1.a.b"
[kerberos]
keytab = "{folder}/keytab"
krb5_conf = "{folder}/krb5.conf"
[[listener]]
name = "o"
address = "127.0.0.1:443"
certificate = "{folder}/c"
key = "{folder}/ck"
more_certificates = [["{folder}/c2", "{folder}/ck2"]]
[[publication]]
name = "eas"
hosts = ["a.b"]
backend = {{urls = ["https://x"], ca_file = "{folder}/ca"}}
""")[0]


def test_missing_files_are_problems_until_they_are_there(tmp_path):
    settings = settings_with(tmp_path)
    names = {path for path, _ in named_files(settings)}
    found = check_files(settings)
    assert {one.path for one in found} == names | {"identity.key_file"}
    assert len(names) == 13
    for _, file in named_files(settings):
        file.write_text("x")
    settings.identity.key_file.write_text("x")
    assert check_files(settings) == []


def test_a_folder_is_no_file(tmp_path):
    settings = settings_with(tmp_path)
    for _, file in named_files(settings):
        file.mkdir()
    settings.identity.key_file.write_text("x")
    assert len(check_files(settings)) == 13


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    settings = settings_with(tmp_path)
    for _, file in named_files(settings):
        file.write_text("x")
    settings.identity.key_file.write_text("x")

    def refuse(_self, _mode):
        raise PermissionError(13, "Permission denied")

    # Root, who may run the tests, reads everything; so the refusal is the one thing that is played.
    monkeypatch.setattr(Path, "open", refuse)
    found = check_files(settings)
    assert len(found) == 13
    assert all("can't be read" in one.problem for one in found)
