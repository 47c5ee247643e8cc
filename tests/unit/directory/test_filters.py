from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.directory import filters
from handfast.directory.library import ldap3
from handfast.directory.scope import Scope

ESCAPED = {"(": "\\28", ")": "\\29", "*": "\\2a", "\\": "\\5c", "\0": "\\00", "é": "\\c3\\a9", " ": "\\20"}


@pytest.mark.parametrize(("char", "escaped"), ESCAPED.items())
def test_signs_of_the_filter_language_are_escaped(char, escaped):
    assert filters.equals("cn", f"a{char}b") == f"(cn=a{escaped}b)"


def test_bytes_are_taken_as_they_are():
    assert filters.escape(b"\x01\xff0") == "\\01\\ff0"


@given(st.text(max_size=40))
def test_no_value_gets_out_of_its_place(text):
    escaped = filters.escape(text)
    assert escaped.isascii()
    assert not set("()*\0") & set(escaped)
    assert bytes(ldap3.utils.conv.to_raw(text)) == _unescaped(escaped)


def _unescaped(text: str) -> bytes:
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] == "\\":
            out.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            out.append(ord(text[at]))
            at += 1
    return bytes(out)


def test_filters_are_joined():
    assert filters.both("(a=1)", "", "(b=2)") == "(&(a=1)(b=2))"
    assert filters.both("(a=1)", "") == "(a=1)"
    assert filters.either(["(a=1)"]) == "(a=1)"
    assert filters.either(["(a=1)", "(b=2)"]) == "(|(a=1)(b=2))"
    assert filters.changed_since(41) == "(uSNChanged>=42)"
    assert filters.with_sids(["S-1-5-11", "S-1-1-0"]) == "(|(objectSid=S-1-5-11)(objectSid=S-1-1-0))"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("alice", "(sAMAccountName=alice)"),
        ("contoso\\alice", "(sAMAccountName=alice)"),
        ("CONTOSO.LAB\\al(ice", "(sAMAccountName=al\\28ice)"),
        ("OTHER\\alice", ""),
        ("CONTOSO\\", ""),
        ("s-1-5-21-1-2-3-1105", "(objectSid=S-1-5-21-1-2-3-1105)"),
        (
            "alice@mail.example",
            "(|(userPrincipalName=alice@mail.example)(mail=alice@mail.example)(proxyAddresses=smtp\\3aalice@mail.example))",
        ),
        (
            "alice@Contoso.lab",
            "(|(userPrincipalName=alice@Contoso.lab)(mail=alice@Contoso.lab)(proxyAddresses=smtp\\3aalice@Contoso.lab)(&(sAMAccountName=alice)(!(userPrincipalName=*))))",
        ),
    ],
)
def test_what_a_name_may_mean(name, query):
    assert filters.by_name(name, "contoso.lab", "CONTOSO") == query


def test_the_scope_holds_for_every_search():
    scope = Scope("OU=Staff,DC=x", "(mail=*)")
    assert scope.within("DC=x") == "OU=Staff,DC=x"
    assert scope.query("(cn=a)") == f"(&{filters.USERS}(mail=*)(cn=a))"
    assert Scope().within("DC=x") == "DC=x"
    assert Scope().query() == filters.USERS


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("S-1-5-21-1-2-3-513", "(objectSid=S-1-5-21-1-2-3-513)"),
        ("s-1-5-32-545", "(objectSid=S-1-5-32-545)"),
        ("contoso\\Mail (all)", "(sAMAccountName=Mail\\20\\28all\\29)"),
        ("BUILTIN\\Users", "(sAMAccountName=Users)"),
        ("FABRIKAM\\Staff", ""),
        ("contoso.lab\\Staff", ""),
        ("CONTOSO\\", ""),
        ("Staff", ""),
    ],
)
def test_a_group_is_named_as_rules_name_it(name, query):
    assert filters.by_group_name(name, "CONTOSO") == query
