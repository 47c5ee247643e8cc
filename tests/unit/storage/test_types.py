"""Text and instants survive the way into a column and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from handfast.storage.types import UtcDateTime, escape_text, unescape_text

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_any_text_comes_back(text) -> None:
    stored = escape_text(text)
    assert unescape_text(stored) == text
    assert "\0" not in stored
    stored.encode("utf-8")


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_never_share_a_stored_form(one, other) -> None:
    assert (escape_text(one) == escape_text(other)) == (one == other)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_exact(instant) -> None:
    column, dialect = UtcDateTime(), sqlite.dialect()
    assert column.process_result_value(column.process_bind_param(instant, dialect), dialect) == instant


def test_zones_are_one_instant_and_none_is_none() -> None:
    column, dialect = UtcDateTime(), sqlite.dialect()
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert column.process_bind_param(there, dialect) == column.process_bind_param(
        datetime(2026, 1, 1, tzinfo=UTC), dialect
    )
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())
