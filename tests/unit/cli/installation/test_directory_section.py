from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from handfast.cli.installation.directory_section import (
    DirectoryAnswers,
    Server,
    build_section,
    has_section,
    put_kdcs,
    put_section,
)
from handfast.settings.directory import DirectorySettings

ANSWERS = DirectoryAnswers(
    servers=(Server("dc1.contoso.lab"), Server("dc2.contoso.lab", "10.0.0.5", 1636)),
    bind_user='odd"\\name@contoso.lab',
    password_file=Path("/etc/handfast/directory.password"),
    ca_file=Path("/etc/handfast/ca.pem"),
    base="OU=Staff,DC=contoso,DC=lab",
    account_filter="(mail=*)",
)
OTHERS = """# A comment that stays.
[identity]
key_file = "/k"   # so does this

[[listener]]
name = "outside"
"""


def test_the_section_says_what_was_answered():
    read = DirectorySettings.model_validate(tomllib.loads(build_section(ANSWERS))["directory"])
    assert [(one.name, one.address, one.port) for one in read.servers] == [
        ("dc1.contoso.lab", None, 636),
        ("dc2.contoso.lab", "10.0.0.5", 1636),
    ]
    assert (read.bind_user, read.bind_password_file) == (ANSWERS.bind_user, ANSWERS.password_file)
    assert (read.ca_file, read.base, read.account_filter) == (
        ANSWERS.ca_file,
        ANSWERS.base,
        ANSWERS.account_filter,
    )


def test_what_stands_at_its_default_is_left_out():
    bare = build_section(DirectoryAnswers((Server("dc1.contoso.lab"),), "r@contoso.lab", Path("/p")))
    assert set(tomllib.loads(bare)["directory"]) == {"bind_user", "bind_password_file", "server"}


def test_it_is_put_at_the_end_and_every_other_line_stays():
    section = build_section(ANSWERS)
    once = put_section(OTHERS, section)
    assert once == f"{OTHERS}\n{section}"
    assert put_section(once, section) == once
    assert has_section(once)
    assert not has_section(OTHERS)
    assert put_section("", section) == section


def test_an_old_one_is_replaced_wherever_it_stands():
    old = '[directory]\nbind_user = "x"\n[[directory.server]]\nname = "old"\n\n[ directory . more ]\na = 1\n'
    put = put_section(
        old.replace("[ directory . more ]", "[directory.more]") + OTHERS, "[directory]\nbase = 'x'\n"
    )
    assert tomllib.loads(put)["directory"] == {"base": "x"}
    assert OTHERS.rstrip() in put


@pytest.mark.parametrize(
    "text",
    [
        'note = """\n[directory]\nstays = 1\n"""\n',
        "[identity]\nbroken = \n",
    ],
)
def test_what_cannot_be_told_apart_is_left_to_a_person(text):
    with pytest.raises(ValueError):
        put_section(text, "[directory]\nbase = 'x'\n")


def test_the_controllers_are_named_as_kdcs_where_nobody_else_says_who_they_are():
    text = '[kerberos]   # ours\nkeytab = "/k"\n\n[identity]\nkey_file = "/i"\n'
    servers = (
        Server("dc1.contoso.lab"),
        Server("dc2.contoso.lab", "10.0.0.5", 1636),
        Server("dc3", "fd00::1"),
    )
    put = put_kdcs(text, servers)
    assert tomllib.loads(put)["kerberos"] == {
        "keytab": "/k",
        "kdcs": ["dc1.contoso.lab", "10.0.0.5", "[fd00::1]"],
    }
    assert put_kdcs(put, ANSWERS.servers) == put


@pytest.mark.parametrize(
    "text",
    [
        OTHERS,
        "[kerberos]\nkdcs = []\n",
        '[kerberos]\nkrb5_conf = "/etc/krb5.conf"\n',
        'kerberos = { keytab = "/k" }\n',
        'note = """\n[kerberos]\n"""\n[ kerberos ]\nkeytab = "/k"\n',
    ],
)
def test_a_file_that_says_so_itself_or_in_its_own_way_is_left_as_it_is(text):
    assert put_kdcs(text, ANSWERS.servers) == text
