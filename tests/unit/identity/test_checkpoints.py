"""Checkpoint lines: round trip, refusal of anything else, and signatures that cover every field."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.identity.checkpoints import (
    MAX_LINE_BYTES,
    Checkpoint,
    encode_checkpoint,
    is_authentic,
    issue_checkpoint,
    parse_checkpoint,
)
from handfast.protocols.errors import MalformedMessage
from tests.fakes.clock import START
from tests.fakes.keyring import FakeKeyRing

KEYRING = FakeKeyRing()
GOOD = issue_checkpoint(KEYRING, "identity-1", 7, b"m" * 32, START)


@given(
    st.builds(
        Checkpoint,
        st.text(max_size=40),
        st.integers(1, 2**62),
        st.binary(max_size=64),
        st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
        st.binary(max_size=64),
    )
)
def test_what_is_encoded_is_parsed(checkpoint) -> None:
    line = encode_checkpoint(checkpoint)
    assert "\n" not in line
    assert parse_checkpoint(line.encode("ascii")) == checkpoint


@given(st.binary(max_size=200))
def test_any_bytes_give_a_checkpoint_or_are_malformed(line) -> None:
    with contextlib.suppress(MalformedMessage):
        assert isinstance(parse_checkpoint(line), Checkpoint)


def changed(**fields) -> bytes:
    return json.dumps({**json.loads(encode_checkpoint(GOOD)), **fields}).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 4000,
        b" " * (MAX_LINE_BYTES + 1),
        changed(extra=1),
        changed(sequence="7"),
        changed(sequence=True),
        changed(sequence=0),
        changed(mac="zz"),
        changed(signature=1),
        changed(at="yesterday"),
        changed(at="2026-03-02T09:00:00"),
        changed(at="2026-03-02T10:00:00+01:00"),
    ],
)
def test_anything_else_is_malformed(line) -> None:
    with pytest.raises(MalformedMessage):
        parse_checkpoint(line)


@pytest.mark.parametrize(
    "change",
    [
        {"chain": "identity-2"},
        {"sequence": 8},
        {"mac": b"n" * 32},
        {"at": START + timedelta(microseconds=1)},
        {"signature": b""},
    ],
)
def test_the_signature_covers_every_field(change) -> None:
    assert is_authentic(KEYRING, GOOD)
    assert not is_authentic(KEYRING, replace(GOOD, **change))
