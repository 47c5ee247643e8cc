"""CSV as spreadsheets and PowerShell write it, and as spreadsheets may safely open it.

Read: UTF-8 with or without byte order mark, UTF-16 with one (`Export-Csv` of Windows PowerShell), a leading `#TYPE`
line, comma, semicolon or tab, quoted fields with line breaks in them.

Written: RFC 4180. A cell that a spreadsheet would take for a formula (leading `=`, `+`, `-`, `@`, tab, CR, LF) gets an
apostrophe in front, and so does one that already has apostrophes before such a character; reading takes exactly one
away. So the round trip is exact for every value.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Above a million devices; nobody's device list is larger."""
MAX_FIELD_CHARACTERS = 128 * 1024

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


class CsvProblem(ValueError):
    """The file can't be read as CSV; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A header and its rows; every row has every column of the header."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def guard(text: str) -> str:
    """The cell as a spreadsheet shows it and never computes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """The value that `guard` was given."""
    return text[1:] if _GUARDED.match(text) else text


def encode_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Header and rows, guarded."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guard(row.get(one, "")) for one in columns])
    return buffer.getvalue()


def parse_csv(content: bytes) -> CsvTable:
    """The table of a file's bytes; its values are free of guards. Raises: CsvProblem."""
    if len(content) > MAX_FILE_BYTES:
        raise CsvProblem(1, "larger than 256 MiB")
    text, skipped = _without_preamble(_decode(content))
    # Strict, so that a forgotten quote is a problem and not a field that swallows the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    columns: tuple[str, ...] | None = None
    rows: list[dict[str, str]] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if columns is None:
                columns = _header(cells, reader.line_num + skipped)
                continue
            if len(cells) != len(columns):
                said = f"has {len(cells)} fields where the header has {len(columns)}"
                raise CsvProblem(reader.line_num + skipped, said)
            rows.append({name: unguard(one) for name, one in zip(columns, cells, strict=True)})
    except csv.Error as error:
        raise CsvProblem(reader.line_num + skipped, str(error)) from None
    if columns is None:
        raise CsvProblem(1, "is empty; the first line names the columns")
    return CsvTable(columns, tuple(rows))


def _decode(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "save it as UTF-8 (Export-Csv -Encoding UTF8)"
        raise CsvProblem(line, f"neither UTF-8 nor UTF-16: {remedy}") from None


def _without_preamble(text: str) -> tuple[str, int]:
    """(text without PowerShell's `#TYPE` line, number of lines taken away)."""
    if not text.startswith("#TYPE"):
        return text, 0
    _, found, rest = text.partition("\n")
    return (rest, 1) if found else ("", 1)


def _delimiter(text: str) -> str:
    """The separator that stands most often outside quotes in the header."""
    header = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    return max(",;\t", key=header.count)


def _header(cells: Sequence[str], line: int) -> tuple[str, ...]:
    columns = tuple(unguard(one).strip() for one in cells)
    if len({one.casefold() for one in columns}) != len(columns):
        raise CsvProblem(line, "the header names a column twice")
    return columns
