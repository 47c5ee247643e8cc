"""Rows of a CSV file for an import, with its header checked and its columns in the spelling asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from handfast.cli.csv_files import MAX_FILE_BYTES, CsvProblem, CsvTable, parse_csv
from handfast.cli.exits import CommandFailed, Exit


def read_table(file: Path) -> CsvTable:
    """The table of a file (`-`: standard input). Raises: CommandFailed, OSError."""
    if str(file) == "-":
        content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    else:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    try:
        return parse_csv(content)
    except CsvProblem as problem:
        raise CommandFailed(
            Exit.REFUSED, f"{file}: {problem}", "correct the file; nothing was imported"
        ) from None


def read_rows(file: Path, *, required: Sequence[str], known: Sequence[str]) -> list[dict[str, str]]:
    """The rows with the `known` columns, whatever the case of the header. Raises: CommandFailed, OSError."""
    table = read_table(file)
    by_fold = {one.casefold(): one for one in table.columns}
    missing = [one for one in required if one not in by_fold]
    unknown = [one for one in table.columns if one.casefold() not in known]
    if missing or unknown:
        said = f"no column {missing[0]!r}" if missing else f"unknown column {unknown[0]!r}"
        raise CommandFailed(Exit.REFUSED, f"{file}: {said}", f"its first line must name: {','.join(known)}")
    return [{name: row[by_fold[name]] for name in known if name in by_fold} for row in table.rows]
