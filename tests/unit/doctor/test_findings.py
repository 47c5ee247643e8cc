import re
from pathlib import Path

from handfast.doctor.findings import Finding, FindingId, Severity, error, warning

PAGE = Path(__file__).resolve().parents[3] / "docs" / "findings.md"
ROW = re.compile(r"^\| `([a-z-]+)` \| (.+?) \| .+ \|$", re.MULTILINE)


def test_a_finding_has_its_severity():
    told = FindingId.DISK_LOW, "what", "remedy"
    assert error(*told) == Finding(*told[:1], Severity.ERROR, *told[1:])
    assert warning(*told).severity is Severity.WARNING


def test_values_are_stable_words_and_meanings_are_sentences():
    for one in FindingId:
        assert one.value == one.name.lower().replace("_", "-")
        assert FindingId.from_value(one.value) is one
        assert one.meaning


def test_the_page_lists_every_finding_with_its_meaning():
    assert ROW.findall(PAGE.read_text(encoding="utf-8")) == [(one.value, one.meaning) for one in FindingId]
