import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.cli import csv_files
from handfast.cli.csv_files import CsvProblem, encode_csv, guard, parse_csv, unguard

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@given(TEXT | st.from_regex(r"'*[=+\-@\t\r\n].*"))
def test_guards_are_undone_exactly(text):
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in set("=+-@\t\r\n") or text == ""


@given(st.lists(st.fixed_dictionaries({"account": TEXT, "device_id": TEXT}), max_size=5))
def test_what_is_written_is_read_exactly(rows):
    assert list(parse_csv(encode_csv(("account", "device_id"), rows).encode()).rows) == rows


@given(st.lists(st.fixed_dictionaries({"only": TEXT}), max_size=5))
def test_one_column_too(rows):
    assert list(parse_csv(encode_csv(("only",), rows).encode()).rows) == rows


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_problem(content):
    try:
        table = parse_csv(content)
    except CsvProblem:
        return
    assert all(tuple(row) == table.columns for row in table.rows)


POWERSHELL = '#TYPE Microsoft.Exchange.Data.MobileDevice\r\n"DeviceId","UserDisplayName","Identity"\r\n"ABC","d.de/Users/Anna ""A"" B","d.de/x\r\ny"\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_powershell_files(encoding, delimiter):
    text = POWERSHELL.replace('","', f'"{delimiter}"')
    content = text.encode(encoding)
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content
    table = parse_csv(content)
    assert table.columns == ("DeviceId", "UserDisplayName", "Identity")
    assert table.rows == (
        {"DeviceId": "ABC", "UserDisplayName": 'd.de/Users/Anna "A" B', "Identity": "d.de/x\r\ny"},
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"#TYPE x", 1),
        (b"a,b\n1,2\n1\n", 3),
        (b"#TYPE x\na,b\n1\n", 3),
        (b'a,b\n1,"2\n', 2),
        (b"a,A\n", 1),
        (b"a\nok\n\xff\n", 3),
        (b"a\n" + b"x" * 140000, 2),
    ],
)
def test_problems_name_their_line(content, line):
    with pytest.raises(CsvProblem) as caught:
        parse_csv(content)
    assert caught.value.line == line


def test_size_is_bounded(monkeypatch):
    monkeypatch.setattr(csv_files, "MAX_FILE_BYTES", 10)
    with pytest.raises(CsvProblem):
        parse_csv(b"a\n" + b"x" * 10)


def test_blank_lines_mean_nothing():
    assert parse_csv(b"a,b\n\n1,2\n\n").rows == ({"a": "1", "b": "2"},)
