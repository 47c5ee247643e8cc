from __future__ import annotations

import pytest

from handfast.directory import bind_answer
from handfast.identity.directory.ports import PasswordVerdict

SEEN = "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {}, v1db1"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("525", PasswordVerdict.WRONG),
        ("52e", PasswordVerdict.WRONG),
        ("52E", PasswordVerdict.WRONG),
        ("52f", PasswordVerdict.DISABLED),
        ("530", PasswordVerdict.DISABLED),
        ("531", PasswordVerdict.DISABLED),
        ("532", PasswordVerdict.MUST_CHANGE),
        ("533", PasswordVerdict.DISABLED),
        ("701", PasswordVerdict.EXPIRED),
        ("773", PasswordVerdict.MUST_CHANGE),
        ("775", PasswordVerdict.LOCKED),
        ("0", PasswordVerdict.WRONG),
        ("999", PasswordVerdict.WRONG),
    ],
)
def test_verdicts(code, verdict):
    assert bind_answer.verdict(SEEN.format(code)) is verdict


@pytest.mark.parametrize("message", ["", "no", "data", "data xyz", "metadata 775", "x" * 2000 + "data 775"])
def test_what_nobody_foresaw_is_wrong(message):
    assert bind_answer.parse_sub_code(message) is None
    assert bind_answer.verdict(message) is PasswordVerdict.WRONG
    assert bind_answer.words(message) == "refused"


def test_words_for_administrators():
    assert bind_answer.words(SEEN.format("775")) == "the account is locked"
    assert bind_answer.words(SEEN.format("57")) == "refused with 0x57"
