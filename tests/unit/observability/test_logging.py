import json
import logging
import re
from pathlib import Path

import pytest
import structlog

from handfast.observability.logging import configure, event_log, without_events


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_one_line_whatever_its_fields_hold(tmp_path: Path):
    early = event_log("test")
    output = configure(level="info", file=tmp_path / "log")
    early.warning("node-refused", node="edge1", why="line\nhandfast decision source=192.0.2.1")
    early.debug("too-fine")
    output.close()
    [line] = (tmp_path / "log").read_text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z handfast node-refused level=warning area=test node=edge1"
        r' why="line\\nhandfast decision source=192\.0\.2\.1"',
        line,
    )


def test_json_holds_the_same(tmp_path: Path):
    output = configure(level="debug", form="json", file=tmp_path / "log")
    event_log("test").debug("seen", path=Path("/x"))
    output.close()
    said = json.loads((tmp_path / "log").read_text())
    assert said.pop("time").endswith("Z")
    assert said == {"event": "seen", "level": "debug", "area": "test", "path": "/x"}


def test_the_standard_library_s_records_go_the_same_way(tmp_path: Path):
    output = configure(file=tmp_path / "log")
    logging.getLogger("asyncio").error("broken %s", "pipe", exc_info=ValueError("why\n"))
    logging.getLogger("sqlalchemy").warning("slow")
    logging.getLogger("x").debug("no")
    output.close()
    first, second = (tmp_path / "log").read_text().splitlines()
    assert 'python level=error area=python logger=asyncio text="broken pipe" exception=' in first
    assert first.endswith("\"ValueError('why\\\\n')\"")
    assert "level=warning area=python logger=sqlalchemy text=slow" in second


def test_within_a_command_nothing_is_logged(tmp_path: Path):
    log = event_log("test")
    output = configure(level="info", file=tmp_path / "log")
    with without_events():
        log.error("inside")
    log.info("outside")
    output.close()
    [line] = (tmp_path / "log").read_text().splitlines()
    assert " outside " in line
