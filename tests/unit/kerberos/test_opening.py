"""What is found wrong with Kerberos' settings before anything is opened."""

from __future__ import annotations

import pytest

from handfast.kerberos import opening
from handfast.kerberos.setup_error import KerberosSetupError
from handfast.protocols.kerberos.keytab import KeytabEntry, encode_keytab
from handfast.protocols.kerberos.principal import parse_principal
from handfast.settings.directory import KerberosSettings

OWN = "svc-gw@CONTOSO.LAB"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "load_mechanism", lambda: None)
    keytab = tmp_path / "keytab"
    keytab.touch(0o600)
    keytab.write_bytes(encode_keytab([KeytabEntry(parse_principal(OWN), 1, 18, bytes(32))]))
    return KerberosSettings(keytab=keytab, principal=OWN)


def with_more(settings: KerberosSettings, **more: object) -> KerberosSettings:
    return settings.model_copy(update=more)


def test_settings_that_are_well_write_nothing(settings, tmp_path):
    opening.check_setup(KerberosSettings())
    opening.check_setup(settings)
    opening.check_setup(with_more(settings, kdcs=("dc1.contoso.lab",)))
    assert [one.name for one in tmp_path.iterdir()] == ["keytab"]


def test_a_kdc_that_is_no_address_is_found_and_with_another_krb5_conf_not_looked_at(settings, tmp_path):
    wrong = with_more(settings, kdcs=("dc1 contoso lab",))
    with pytest.raises(KerberosSetupError, match=r"in `kerberos\.kdcs` is no address"):
        opening.check_setup(wrong)
    (tmp_path / "krb5.conf").touch()
    opening.check_setup(with_more(wrong, krb5_conf=tmp_path / "krb5.conf"))


def test_a_krb5_conf_that_can_not_be_looked_at_is_told(settings, tmp_path, monkeypatch):
    asked = with_more(settings, krb5_conf=tmp_path / "none")
    with pytest.raises(KerberosSetupError, match="there is no file"):
        opening.check_setup(asked)

    def shut(_):
        raise PermissionError

    monkeypatch.setattr(type(tmp_path), "is_file", shut)
    with pytest.raises(KerberosSetupError, match="its folder can't be entered"):
        opening.check_setup(asked)
