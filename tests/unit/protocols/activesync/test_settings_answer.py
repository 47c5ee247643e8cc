"""Settings answers, with and without their parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocols.activesync.element import Element, leaf
from handfast.protocols.activesync.settings_answer import (
    SettingsAnswer,
    device_information_status,
    encode_settings_answer,
    parse_settings_answer,
)
from handfast.protocols.activesync.wbxml import encode
from handfast.protocols.errors import MalformedMessage


def test_the_bytes_of_a_success():
    body = encode_settings_answer(SettingsAnswer(1, 1))
    assert body.hex(" ") == "03 01 6a 00 00 12 45 46 03 31 00 01 56 46 03 31 00 01 01 01"


def test_other_parts_are_passed_over():
    oof = Element("Settings", "Oof", (leaf("Settings", "Status", 2),))
    body = encode(
        Element("Settings", "Settings", (oof, leaf("Settings", "Status", 1), device_information_status(5)))
    )
    assert parse_settings_answer(body) == SettingsAnswer(1, 5)


@pytest.mark.parametrize(
    "document",
    [
        Element("Provision", "Provision"),
        Element("Settings", "Status", text="1"),
        Element("Settings", "Settings", (leaf("Settings", "Status", "ok"),)),
        Element("Settings", "Settings", (leaf("Settings", "Status", 65536),)),
    ],
)
def test_refused(document):
    with pytest.raises(MalformedMessage):
        parse_settings_answer(encode(document))


NUMBERS = st.none() | st.integers(0, 65535)


@given(st.builds(SettingsAnswer, NUMBERS, NUMBERS))
def test_what_is_answered_is_read_again(answer):
    assert parse_settings_answer(encode_settings_answer(answer)) == answer
