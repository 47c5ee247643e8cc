from __future__ import annotations

import pytest
from pydantic import ValidationError

from handfast.settings.directory import DirectorySettings

GOOD_FILTERS = [
    "",
    "(mail=*)",
    "(&(mail=*)(!(department=Sales)))",
    "(| (cn=a\\28b\\29) (& (a>=1) (b<=2) (c~=x) ) )",
    "(userAccountControl:1.2.840.113556.1.4.803:=2)",
    "(memberOf:1.2.840.113556.1.4.1941:=CN=Sales\\2c Berlin,DC=contoso,DC=lab)",
]
BAD_FILTERS = [
    "(mail=",
    "mail=*",
    "(mail=*))",
    "(&)",
    "(!(a=1)(b=2))",
    "(a=(b))",
    "(a=\\zz)",
    "(a=\0)",
    "((a=1))",
    "\0",
]
GOOD_BASES = ["", "OU=Staff,DC=contoso,DC=lab", "ou=Sales\\, Berlin, dc=lab", "CN=a+UID=b,2.5.4.11=c"]
BAD_BASES = ["nonsense", "OU=Staff,", "OU=", "=x", 'OU="a"', "contoso.lab"]


@pytest.mark.parametrize("text", GOOD_FILTERS)
def test_a_filter(text):
    assert DirectorySettings(account_filter=text).account_filter == text


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_what_is_no_filter(text):
    with pytest.raises(ValidationError, match="not an LDAP filter"):
        DirectorySettings(account_filter=text)


@pytest.mark.parametrize("text", GOOD_BASES)
def test_a_base(text):
    assert DirectorySettings(base=text).base == text


@pytest.mark.parametrize("text", BAD_BASES)
def test_what_is_no_base(text):
    with pytest.raises(ValidationError, match="not a distinguished name"):
        DirectorySettings(base=text)
