import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.http_auth.login_name import LoginName, login_from_ntlm, parse_login


@pytest.mark.parametrize(
    ("login", "user", "domain", "form"),
    [
        ("alice", "alice", "", "plain"),
        ("EXAMPLE\\alice", "alice", "EXAMPLE", "down-level"),
        ("example.test\\alice", "alice", "example.test", "down-level"),
        ("alice@example.test", "alice", "example.test", "upn"),
        ("EXAMPLE\\alice@example.test", "alice@example.test", "EXAMPLE", "down-level"),
        ("a@b@example.test", "a@b", "example.test", "upn"),
        ("EXAMPLE\\a\\b", "a\\b", "EXAMPLE", "down-level"),
        ("\\alice", "alice", "", "plain"),
        ("\\alice@example.test", "alice", "example.test", "upn"),
        (".\\alice", "alice", ".", "down-level"),
        ("EXAMPLE\\", "EXAMPLE\\", "", "plain"),
        ("alice@", "alice@", "", "plain"),
        ("@example.test", "@example.test", "", "plain"),
        ("\\", "\\", "", "plain"),
        ("@", "@", "", "plain"),
        ("\\@", "@", "", "plain"),
        ("EXAMPLE/alice", "EXAMPLE/alice", "", "plain"),
        (" alice ", " alice ", "", "plain"),
        ("jürgen@exämple.test", "jürgen", "exämple.test", "upn"),
        ("", "", "", "plain"),
    ],
)
def test_forms(login, user, domain, form):
    assert parse_login(login) == LoginName(user, domain, form)


@pytest.mark.parametrize(
    ("user", "domain", "name"),
    [
        ("alice", "EXAMPLE", LoginName("alice", "EXAMPLE", "down-level")),
        ("alice", "", LoginName("alice", "", "plain")),
        ("alice@example.test", "", LoginName("alice", "example.test", "upn")),
        ("alice@example.test", "EXAMPLE", LoginName("alice@example.test", "EXAMPLE", "down-level")),
        ("EXAMPLE\\alice", "", LoginName("alice", "EXAMPLE", "down-level")),
        ("", "EXAMPLE", LoginName("", "", "plain")),
        ("jürgen", "EXAMPLE", LoginName("jürgen", "EXAMPLE", "down-level")),
        ("用户", "EXAMPLE", LoginName("用户", "EXAMPLE", "down-level")),
    ],
)
def test_names_in_ntlm(user, domain, name):
    assert login_from_ntlm(user, domain) == name


@pytest.mark.parametrize("login", ["alice", "EXAMPLE\\alice", "alice@example.test", "a@b@c", "D\\a@b"])
def test_a_name_reads_as_it_was_written(login):
    assert str(parse_login(login)) == login


@given(st.text(max_size=50))
def test_any_text_is_a_name_and_its_text_the_same_name(login):
    name = parse_login(login)
    assert name.form in {"down-level", "upn", "plain"}
    assert bool(name.domain) == (name.form != "plain")
    assert str(name) in {login, login.removeprefix("\\")}


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_names_of_ntlm_are_a_name(user, domain):
    name = login_from_ntlm(user, domain)
    assert bool(name.domain) == (name.form != "plain")
