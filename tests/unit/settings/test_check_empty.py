from __future__ import annotations

import pytest

from handfast.settings.load import parse_settings
from handfast.settings.problems import SettingsError

LINES = {
    "access": 'name = "staff"\npublications = ["mail"]',
    "publication": 'name = "mail"\nhosts = ["mail.contoso.lab"]',
    "policy": 'name = "default"',
    "kerberos": "",
    "role": 'name = "auditor"',
}
BACKEND = '[publication.backend]\nurls = ["https://10.0.0.1"]\n'
SETTINGS = """
[identity]
key_file = "/etc/handfast.key"
default_domain = "CONTOSO"

[[directory.server]]
name = "dc1.contoso.lab"

[[listener]]
name = "outside"
address = "127.0.0.1:443"
"""


def problems(table: str, line: str) -> dict[str, tuple[str, str]]:
    """By path, what is said of a file whose table of that kind has the line."""
    text = SETTINGS
    for name, lines in LINES.items():
        if name == "role" != table:
            continue
        head = f"[{name}]" if name == "kerberos" else f"[[{name}]]"
        more = line if name == table else ""
        text += f"\n{head}\n{lines}\n{more}\n" + (BACKEND if name == "publication" else "")
    try:
        parse_settings(text)
    except SettingsError as error:
        return {one.path: (one.problem, one.remedy) for one in error.problems}
    return {}


@pytest.mark.parametrize(
    ("table", "name"),
    [
        *[("access", name) for name in ("groups", "accounts", "listeners", "networks", "credentials")],
        *[("publication", name) for name in ("listeners", "networks")],
        *[("policy", name) for name in ("allow_types", "allow_user_agents", "allow_imeis", "allow_os")],
        ("kerberos", "accept"),
    ],
)
def test_a_list_that_would_mean_everything_is_refused_where_it_is_written_empty(table, name):
    assert problems(table, "") == {}, "left out it means all"
    [(path, (problem, remedy))] = problems(table, f"{name} = []").items()
    assert path == (f"{table}.{name}" if table == "kerberos" else f"{table}[0].{name}")
    assert "an empty list names nothing" in problem
    assert "leave the line out if" in remedy


def test_what_a_rule_says_of_people_may_be_empty_where_the_other_list_names_some():
    assert problems("access", 'groups = []\naccounts = ["anna"]') == {}
    assert problems("access", 'accounts = []\ngroups = ["CONTOSO\\\\Staff"]') == {}
    both = problems("access", "accounts = []\ngroups = []")
    assert sorted(both) == ["access[0].accounts", "access[0].groups"]
    assert all("everybody" in problem for problem, _ in both.values())


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("publication", "ntlm_targets"),
        ("publication", "domain_password_listeners"),
        ("policy", "deny_types"),
        ("kerberos", "kdcs"),
    ],
)
def test_a_list_that_lets_nothing_in_may_be_empty(table, name):
    assert problems(table, f"{name} = []") == {}


def test_a_role_for_nobody_is_refused_as_well():
    assert list(problems("role", "groups = []\naccounts = []")) == ["role[0]"]
