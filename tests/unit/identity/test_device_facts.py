from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from handfast.identity.device_facts import (
    FACT_NAMES,
    MAX_FACT_CHARACTERS,
    DeviceFacts,
    facts_of,
    harmless,
    with_facts,
)
from tests.fakes.one_phone import KNOWN, SEEN


@given(st.text(max_size=600))
def test_any_text_becomes_bounded_and_printable(text):
    kept = harmless(text)
    assert len(kept) <= MAX_FACT_CHARACTERS
    assert kept.isprintable()


def test_what_does_not_print_is_shown_as_an_escape():
    assert harmless(" Alice's\tphone\n") == "Alice's\\u0009phone"
    assert harmless("\U000e0001x") == "\\U000e0001x"
    assert harmless("iPhone \N{SNOWMAN}") == "iPhone \N{SNOWMAN}"


def test_unknown_names_are_left_out():
    facts = DeviceFacts.claimed({"model": "iPhone12C1", "state": "allowed", "grant_id": "g"})
    assert facts == DeviceFacts(model="iPhone12C1")


def test_facts_come_back_from_the_record_they_were_kept_in():
    facts = DeviceFacts(**{name: f"said {name}" for name in FACT_NAMES})
    kept = with_facts(KNOWN, facts)
    assert facts_of(kept) == facts
    assert (kept.model, kept.user_agent) == (KNOWN.model, KNOWN.user_agent), "those are the user agent's own"
    assert kept.reported_model == "said model"


def test_what_is_left_unsaid_stays():
    before = replace(KNOWN, os="iOS 17.1", imei="356938035643809")
    after = with_facts(before, DeviceFacts(os="iOS 17.2"))
    assert (after.os, after.imei) == ("iOS 17.2", "356938035643809")


def test_what_names_a_person_keeps_out_of_every_representation():
    facts = DeviceFacts(
        model="iPhone12C1",
        imei="356938035643809",
        friendly_name="Helen's phone",
        phone_number="+41440000000",
    )
    for shown in (repr(facts), repr(with_facts(KNOWN, facts)), repr(replace(SEEN, told=facts))):
        assert "iPhone12C1" in shown
        for private in (facts.imei, "Helen", facts.phone_number):
            assert private not in shown
