import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.ntlm.upcase import is_surely_one, upcase, upcase_ascii, upcase_surely


@pytest.mark.parametrize(
    ("text", "upper"),
    [
        ("user", "USER"),
        ("User.Name-1", "USER.NAME-1"),
        ("jürgen", "JÜRGEN"),
        ("straße", "STRAßE"),
        ("ÿ", "Ÿ"),
        ("пользователь", "ПОЛЬЗОВАТЕЛЬ"),
        ("σς", "ΣΣ"),
        ("ı", "ı"),
        ("ſ", "ſ"),
        ("İ", "İ"),
        ("ŉ", "ŉ"),
        ("\ufb03", "\ufb03"),
        ("\U00010428", "\U00010428"),
        ("用户", "用户"),
        ("", ""),
    ],
)
def test_names_keep_their_length(text, upper):
    assert upcase(text) == upper


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("jürgen", "JÜRGEN", True),
        ("пользователь", "Пользователь", True),
        ("გიორგი", "გიორგი", True),
        ("გიორგი", "ᲒᲘᲝᲠᲒᲘ", False),
        ("\uab70", "\u13a0", False),
        ("Łukasz", "łUKASZ", True),
        ("nguyễn-ơư", "NGUYỄN-ƠƯ", True),
        ("Ґанна", "ґанна", True),
        ("Άννα", "άννα", True),
        ("Ștefan", "ștefan", False),
        ("Şerban", "şerban", True),
        ("ѝво", "Ѝво", False),
        ("µ", "Μ", False),
        ("ς", "σ", False),
        ("straße", "strasse", False),
        ("alice", "alicia", False),
    ],
)
def test_names_are_surely_one_where_every_controller_takes_their_letters_for_one(one, other, is_one):
    assert is_surely_one(one, other) is is_surely_one(other, one) is is_one


@given(st.text())
def test_one_character_for_one_and_twice_is_once(text):
    upper = upcase(text)
    assert len(upper) == len(text)
    assert upcase(upper) == upper


def test_what_is_surely_one_is_one():
    """So an account that a rule names is the one that its login leads to."""
    for code in range(0x10000):
        assert upcase(upcase_surely(chr(code))) == upcase(chr(code))
        assert upcase_surely(upcase_surely(chr(code))) == upcase_surely(chr(code))


def test_no_character_outside_ascii_becomes_an_ascii_one():
    for code in range(0x80, 0x10000):
        if not 0xD800 <= code < 0xE000:
            assert not upcase(chr(code)).isascii()


def test_every_character_folds_as_itself_does_in_company():
    assert upcase("aé" * 300) == "AÉ" * 300


def test_ascii_only():
    assert upcase_ascii("jürgen") == "JüRGEN"
