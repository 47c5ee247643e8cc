"""The key table file: what is taken of it while it changes."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from handfast.kerberos.key_table import LOOK_SECONDS, KeyTableFile
from handfast.kerberos.needed_keys import NeededKeys
from handfast.kerberos.setup_error import KerberosSetupError
from handfast.protocols.kerberos.keytab import KeytabEntry, encode_keytab
from handfast.protocols.kerberos.principal import parse_principal

MAIL, EWS = "HTTP/mail.contoso.lab@CONTOSO.LAB", "HTTP/ews.contoso.lab@CONTOSO.LAB"


def put(path, *principals):
    new = path.with_name("new")
    new.touch(0o600)
    new.write_bytes(encode_keytab(KeytabEntry(parse_principal(one), 1, 18, bytes(32)) for one in principals))
    new.replace(path)


@pytest.fixture
def path(tmp_path):
    put(tmp_path / "keytab", MAIL)
    return tmp_path / "keytab"


def test_a_table_that_lacks_what_is_needed_is_told_once_and_the_old_keys_stay(path):
    now = [0.0]
    file = KeyTableFile(path, NeededKeys(None, ("HTTP/mail.contoso.lab",)).check, lambda: now[0])
    put(path, EWS)
    with capture_logs() as lines:
        for _ in range(3):
            now[0] += LOOK_SECONDS
            table = file.current()
            assert ([str(one.principal) for one in table.entries], table.generation) == ([MAIL], 0)
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("keytab-not-taken", "warning")
    assert line["problem"] == "the keytab has no key for HTTP/mail.contoso.lab"
    put(path, EWS, MAIL)
    now[0] += LOOK_SECONDS
    assert file.current().generation == 1


def test_nothing_starts_with_such_a_table(path):
    with pytest.raises(KerberosSetupError, match=r"no key for HTTP/ews\.contoso\.lab"):
        KeyTableFile(path, NeededKeys(None, ("HTTP/ews.contoso.lab",)).check)
