import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.errors import MalformedMessage
from handfast.protocols.kerberos.principal import Principal, parse_principal

NAMES = st.text(min_size=1, max_size=20)


@given(components=st.lists(NAMES, min_size=1, max_size=4), realm=NAMES)
def test_what_is_written_is_read_back(components, realm):
    principal = Principal(tuple(components), realm)
    assert parse_principal(str(principal)) == principal


@pytest.mark.parametrize(
    ("text", "components", "realm"),
    [
        ("alice@CONTOSO.LAB", ("alice",), "CONTOSO.LAB"),
        ("HTTP/mail.contoso.lab@CONTOSO.LAB", ("HTTP", "mail.contoso.lab"), "CONTOSO.LAB"),
        (r"alice\@contoso.com@CONTOSO.LAB", ("alice@contoso.com",), "CONTOSO.LAB"),
        (r"a\/b\\c@R", ("a/b\\c",), "R"),
        (r"a\n\t\b\0\x@R", ("a\n\t\b\0x",), "R"),
        ("山田@R", ("山田",), "R"),
        ("a@R/S", ("a",), "R/S"),
    ],
)
def test_read(text, components, realm):
    assert parse_principal(text) == Principal(components, realm)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks its realm"),
        ("alice", "lacks its realm"),
        ("alice@", "lacks its realm"),
        ("@R", "empty component"),
        ("a//b@R", "empty component"),
        ("/@R", "empty component"),
        ("a@R@S", "two realms"),
        ("a@R\\", "within an escape"),
        ("a" * 1025, "more than 1024"),
    ],
)
def test_refused(text, said):
    with pytest.raises(MalformedMessage, match=said) as refused:
        parse_principal(text)
    assert (refused.value.protocol, refused.value.field) == ("kerberos", "principal")
