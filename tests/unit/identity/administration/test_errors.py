from __future__ import annotations

from handfast.identity.administration.errors import AdministrationError


def test_an_error_says_its_kind_what_is_wrong_and_what_to_do():
    error = AdministrationError("refused", "the name is taken", "choose another")
    assert (error.kind, error.message, error.remedy) == ("refused", "the name is taken", "choose another")
    assert str(error) == "the name is taken"
    assert AdministrationError("usage", "no").remedy == ""
