from __future__ import annotations

from datetime import date

from handfast.decision.rules.ews_denials import EWS_DENIALS, GENERAL_DENIALS
from handfast.decision.rules.ews_operations import ALLOWED_OPERATIONS, ALLOWED_PARTS


def test_each_has_a_name_a_day_a_source_and_what_it_refuses():
    everything = (*EWS_DENIALS, *GENERAL_DENIALS)
    assert len({denial.name for denial in everything}) == len(everything)
    for denial in everything:
        assert denial.name.startswith("ews-")
        assert date(2018, 1, 1) < denial.since <= date(2026, 11, 21)
        assert denial.source
        assert denial.why
    assert all(denial.operations for denial in EWS_DENIALS)
    assert not any(denial.operations for denial in GENERAL_DENIALS)


def test_nothing_depends_on_a_name():
    """What a named refusal is about is on no list."""
    for denial in EWS_DENIALS:
        for operation in denial.operations:
            if denial.part:
                assert denial.part not in ALLOWED_PARTS[operation]
            else:
                assert operation not in ALLOWED_OPERATIONS
