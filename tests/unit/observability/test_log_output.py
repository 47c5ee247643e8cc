import os
from pathlib import Path

import pytest

from handfast.observability.log_output import LogOutput


def test_lines_are_appended_and_go_on_after_rotation(tmp_path: Path):
    path = tmp_path / "handfast.log"
    output = LogOutput(path)
    output.write("one\n")
    path.rename(tmp_path / "handfast.log.1")
    output.write("two\n")
    output.reopen()
    output.write("three \ud800\n")
    output.close()
    output.close()
    assert (tmp_path / "handfast.log.1").read_text() == "one\ntwo\n"
    assert path.read_text() == "three \\ud800\n"
    assert path.stat().st_mode & 0o007 == 0


def test_reopen_keeps_the_old_file_where_there_can_be_no_new_one(tmp_path: Path):
    folder = tmp_path / "log"
    folder.mkdir()
    output = LogOutput(folder / "handfast.log")
    (folder / "handfast.log").rename(tmp_path / "kept")
    folder.rmdir()
    with pytest.raises(OSError):
        output.reopen()
    output.write("still\n")
    assert (tmp_path / "kept").read_text() == "still\n"
    output.close()


def test_what_can_not_be_written_is_counted_and_raises_nothing():
    output = LogOutput(Path("/dev/full"))
    output.write("one\ntwo\n")
    assert output.lost_lines == 2
    output.close()


def test_standard_error_is_never_closed(capfd):
    output = LogOutput()
    output.reopen()
    output.write("line\n")
    output.close()
    os.fstat(2)
    assert capfd.readouterr().err == "line\n"
