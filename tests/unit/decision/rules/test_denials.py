from __future__ import annotations

import re
from datetime import date

from handfast.decision.reasons import Reason
from handfast.decision.rules.denials import Denial, Reading, find_denial


def denial(name: str, pattern: str, reading: Reading = Reading.FORGIVING) -> Denial:
    return Denial(name, date(2026, 1, 1), "nowhere", "a test", re.compile(pattern), reading)


def test_the_first_that_fits_is_the_one():
    first, second = denial("first", "^/a"), denial("second", "^/a/b")
    assert find_denial((first, second), "/a/b") is first
    assert find_denial((second, first), "/A%2fB") is second
    assert find_denial((first, second), "/c") is None
    assert find_denial((), "/a") is None


def test_a_disguise_is_looked_for_in_the_path_as_sent():
    disguise = denial("encoded", "%2f", Reading.RAW_PATH)
    assert find_denial((disguise,), "/a%2Fb") is disguise
    assert find_denial((disguise,), "/a?b=%2f") is None


def test_what_has_no_reason_of_its_own_is_a_denied_path():
    assert denial("a", "b").reason is Reason.PATH_DENIED
