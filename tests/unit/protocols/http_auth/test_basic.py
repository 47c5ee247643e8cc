import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.http_auth.basic import (
    MAX_LOGIN_BYTES,
    MAX_SECRET_BYTES,
    BasicAuthorization,
    parse_basic,
)


@pytest.mark.parametrize(
    ("raw", "login", "secret"),
    [
        (b"alice:secret", "alice", "secret"),
        (b"EXAMPLE\\alice:secret", "EXAMPLE\\alice", "secret"),
        (b"alice@example.test:secret", "alice@example.test", "secret"),
        (b"alice:", "alice", ""),
        (b"alice:a:b::", "alice", "a:b::"),
        ("jürgen:grüße".encode(), "jürgen", "grüße"),
        ("jürgen:grüße".encode("latin-1"), "jürgen", "grüße"),
        ("用户:пароль".encode(), "用户", "пароль"),
        (b"test:123\xc2\xa3", "test", "123£"),
        (b"test:123\xa3", "test", "123£"),
        (b"test:12\x80", "test", "12\x80"),
        (b" a b :c d", " a b ", "c d"),
        (b'o\'neil & "sons" <x>/%00=+;,:s', 'o\'neil & "sons" <x>/%00=+;,', "s"),
    ],
)
def test_logins_and_secrets(raw, login, secret):
    assert parse_basic(raw) == BasicAuthorization(login, secret)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "user-pass"),
        (b"alice", "user-pass"),
        (b":secret", "user-id"),
        (b"al\x00ice:secret", "user-id"),
        (b"al\nice:secret", "user-id"),
        (b"al\x7fice:secret", "user-id"),
        (b"al\x85ice:secret", "user-id"),
        ("al\x85ice:secret".encode(), "user-id"),
        (b"alice:se\x00cret", "password"),
        (b"alice:secret\r", "password"),
        (b"alice:\x7f", "password"),
        (b"a" * (MAX_LOGIN_BYTES + 1) + b":s", "user-pass"),
        (b"a:" + b"s" * (MAX_SECRET_BYTES + 1), "user-pass"),
    ],
)
def test_refused(raw, field):
    with pytest.raises(MalformedMessage) as refused:
        parse_basic(raw)
    assert refused.value.field == field
    assert "ice" not in str(refused.value)


def test_the_longest():
    assert parse_basic(b"a" * MAX_LOGIN_BYTES + b":" + b"s" * MAX_SECRET_BYTES).login == "a" * MAX_LOGIN_BYTES


printable = st.characters(exclude_categories=["Cc", "Cs"])


@given(
    st.text(alphabet=printable, min_size=1, max_size=100).filter(lambda login: ":" not in login),
    st.text(alphabet=printable, max_size=100),
)
def test_round_trip(login, secret):
    assert parse_basic(f"{login}:{secret}".encode()) == BasicAuthorization(login, secret)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_malformed(data):
    try:
        parsed = parse_basic(data)
    except MalformedMessage:
        return
    assert parsed.login
    assert ":" not in parsed.login


def test_the_secret_does_not_show():
    assert "secret" not in repr(parse_basic(b"alice:hidden")).replace("secret=", "")
    assert "hidden" not in repr(parse_basic(b"alice:hidden"))
