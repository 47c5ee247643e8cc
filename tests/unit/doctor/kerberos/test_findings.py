"""The page lists every finding with its meaning, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from handfast.doctor.kerberos.findings import KerberosFindingId

PAGE = Path(__file__).resolve().parents[4] / "docs" / "kerberos-check.md"
ROW = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def test_the_page_is_complete():
    rows = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert rows == {finding.value: finding.meaning for finding in KerberosFindingId}
