"""The tests of the core mirror its modules, file for file: who changes a module knows where its test stands."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MIRRORED = ("protocols", "identity", "decision", "replies", "rewriting")


def test_every_module_of_the_core_has_a_test_file_of_its_own():
    source = ROOT / "src" / "handfast"
    missing = [
        str(wanted.relative_to(ROOT))
        for area in MIRRORED
        for module in sorted((source / area).rglob("*.py"))
        if module.name != "__init__.py" and not (wanted := _test_of(module.relative_to(source))).is_file()
    ]
    assert missing == [], "write these, with assertions on what the module does"


@pytest.mark.parametrize("area", MIRRORED)
def test_there_is_something_to_mirror(area):
    modules = list((ROOT / "src" / "handfast" / area).rglob("*.py"))
    assert len(modules) > 2


def _test_of(module: Path) -> Path:
    return ROOT / "tests" / "unit" / module.parent / f"test_{module.name}"
