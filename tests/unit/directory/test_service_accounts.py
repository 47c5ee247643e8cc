"""An account as the check of Kerberos sees it, from its attributes."""

from __future__ import annotations

import pytest

from handfast.directory.service_accounts import plain_name


@pytest.mark.parametrize(
    ("extended", "plain"),
    [
        ("CN=a,DC=contoso,DC=lab", "CN=a,DC=contoso,DC=lab"),
        ("<GUID=0a>;CN=a,DC=contoso", "CN=a,DC=contoso"),
        ("<GUID=0a>;<SID=S-1-5-21-1>;CN=a\\;b,DC=contoso", "CN=a\\;b,DC=contoso"),
        ("<GUID=0a>;CN=<GUID=1>;,DC=contoso", "CN=<GUID=1>;,DC=contoso"),
    ],
)
def test_only_what_stands_before_the_name_is_taken_off(extended, plain):
    assert plain_name(extended) == plain
