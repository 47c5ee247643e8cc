from __future__ import annotations

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.protocols.printed import one_line, posix_word, powershell_word
from tests.powershell import SINGLE_QUOTES, cut

TEXTS = st.text() | st.text(alphabet=SINGLE_QUOTES + '"`$(;)|&<>\\ #\n\r\x1ba')


@given(TEXTS)
@example("z\u2019$(calc)\u2019")
@example("\u2018" * 3)
def test_powershell_reads_the_same_text_and_no_code(text):
    assert cut(powershell_word(text)) == ("?", [text])
    assert cut(f"Get-ADUser {powershell_word(text)} -Properties *") == ("Get-ADUser ? -Properties *", [text])


@given(TEXTS)
def test_a_posix_shell_reads_the_same_text_as_one_word(text):
    assert shlex.split(posix_word(text)) == [text]


@given(TEXTS)
def test_what_is_shown_is_one_line_of_what_can_be_seen(text):
    assert one_line(text).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("O'Neil, Jörg", "O'Neil, Jörg"),
        ("a\nPS> b", "a\\nPS> b"),
        ("\x1b[2J\r\x00", "\\x1b[2J\\r\\x00"),
        ("\u2028\u202e\x85", "\\u2028\\u202e\\x85"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_can_not_be_seen_is_escaped(text, shown):
    assert one_line(text) == shown


@pytest.mark.parametrize(("text", "word"), [("svc-ex", "'svc-ex'"), ("o'neil", "'o''neil'"), ("", "''")])
def test_a_word_of_powershell(text, word):
    assert powershell_word(text) == word
