"""What follows from an account's name and encryption types."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.identity.directory.domain_account import PROTECTED_USERS_RID, DomainAccount

ACCOUNT = DomainAccount("CN=svc-ex,DC=contoso,DC=lab", "svc-ex", 0x200)


@pytest.mark.parametrize(
    ("types", "has_aes"), [(None, False), (0, False), (4, False), (8, True), (16, True), (28, True)]
)
def test_aes(types, has_aes):
    assert replace(ACCOUNT, encryption_types=types).has_aes is has_aes


def test_a_dollar_makes_a_machine():
    assert replace(ACCOUNT, name="EX1$").is_machine
    assert not ACCOUNT.is_machine


def test_protected_users_are_known_by_their_group():
    assert replace(ACCOUNT, group_rids=frozenset({513, PROTECTED_USERS_RID})).is_protected
    assert not replace(ACCOUNT, group_rids=frozenset({513})).is_protected
