from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.rewriting.autodiscover.text_forms import MAX_ROUNDS, fold_text, forms_of

NAME = "ex1.corp.lab"


@pytest.mark.parametrize(
    "text",
    [
        "EX1.Corp.LAB",
        "ex1%2Ecorp%2elab",
        "%65%781.corp.lab",
        "ex1%252Ecorp%252Elab",
        "ex1&#46;corp&#x2e;lab",
        "ex1&amp;#46;corp&period;lab",
        "ex1\\u002ecorp\\x2Elab",
        "ex1\uff0ecorp\u3002lab",
        "\uff45\uff58\uff11.corp.lab",
        "ex\u200b1.co\u00adrp.lab",
        "ex1\u2024corp\ufe52lab",
        "ex1%26%2346%3bcorp%26%2346%3blab",
        base64.b64encode(b"//EX1.corp.lab/").decode(),
        base64.urlsafe_b64encode(b"?>ex1.corp.lab").decode().rstrip("="),
        base64.b64encode("EX1.corp.lab".encode("utf-16-le")).decode(),
    ],
)
def test_a_hidden_name_comes_out(text):
    assert any(NAME in form for form in forms_of(text))


def test_plain_text_has_one_form():
    assert list(forms_of("Default 100 & more, 7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f")) == [
        "default 100 & more, 7c1d2e3f-4a5b-4c6d-8e9f-0a1b2c3d4e5f"
    ]


def test_an_escape_that_changes_nothing_ends_the_search():
    assert list(forms_of("a&xyz;b")) == ["a&xyz;b"]


def test_what_is_not_base64_is_passed_over():
    assert list(forms_of("LegacyDNx Exchange AbCdEfGhI")) == ["legacydnx exchange abcdefghi"]


def test_encodings_without_end_are_refused():
    text = NAME
    for _ in range(MAX_ROUNDS + 2):
        text = text.replace("%", "%25").replace(".", "%2e")
    with pytest.raises(ValueError, match="within encodings"):
        list(forms_of(text))


@given(st.text(max_size=80))
def test_forms_are_folded(text):
    try:
        forms = list(forms_of(text))
    except ValueError:
        return
    assert forms[0] == fold_text(text)
    assert len(forms) < 100
