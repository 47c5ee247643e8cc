from __future__ import annotations

import inspect

import pytest

from handfast.protocols import errors
from handfast.protocols.errors import MalformedMessage


def test_a_malformed_message_says_where_and_what():
    error = MalformedMessage("ntlm", "TargetInfo", "cut short")
    assert (error.protocol, error.field, error.problem) == ("ntlm", "TargetInfo", "cut short")
    for part in ("ntlm", "TargetInfo", "cut short"):
        assert part in str(error)


def test_it_is_the_only_error_of_the_protocols():
    classes = [
        one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__
    ]
    assert classes == [MalformedMessage]
    with pytest.raises(MalformedMessage):
        raise MalformedMessage("http", "head", "bare CR")
