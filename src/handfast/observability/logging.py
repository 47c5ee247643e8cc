"""Log set-up: events with a constant name and data as fields, as lines for people or JSON for collectors.

    log = event_log("identity-api")
    log.warning("node-refused", node="edge1", serial="3f", why="revoked")

Never give credentials, cookies or bodies; give ids rather than objects. What the standard library and its users log
(asyncio, SQLAlchemy) goes the same way, as event `python`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Literal, Protocol, cast

import structlog

from handfast.observability.line_format import format_time, format_value
from handfast.observability.log_output import LogOutput

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class EventLog(Protocol):
    """What a module logs with. `event` is a constant; everything that varies is a field."""

    def debug(self, event: str, **fields: object) -> None: ...
    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...
    def error(self, event: str, **fields: object) -> None: ...


def event_log(area: str) -> EventLog:
    """The log of one part of the product; usable at import, before `configure`."""
    return cast("EventLog", structlog.get_logger(area=area))


def configure(
    *, level: str = "info", form: Literal["line", "json"] = "line", file: Path | None = None
) -> LogOutput:
    """Sets the whole process up; the answer is what SIGHUP calls `reopen()` on. Raises: OSError."""
    output = LogOutput(file)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_level,
            _render_line if form == "line" else _render_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: _Writer(output),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Handler()]
    root.setLevel(max(LEVELS[level], logging.INFO))
    # It tells each start what it found, three times over; what goes wrong it raises.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return output


@contextlib.contextmanager
def without_events() -> Iterator[None]:
    """Nothing is logged within: what goes wrong there, a command tells whoever called it."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _add_level(_log: object, method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    event["level"] = method
    return event


def _render_line(_log: object, _method: str, event: MutableMapping[str, object]) -> str:
    name, level = event.pop("event"), event.pop("level")
    fields = "".join(f" {key}={format_value(value)}" for key, value in event.items())
    return f"{format_time(time.time())} handfast {format_value(name)} level={level}{fields}\n"


def _render_json(_log: object, _method: str, event: MutableMapping[str, object]) -> str:
    line = {"time": format_time(time.time()), "event": event.pop("event"), **event}
    return json.dumps(line, default=str) + "\n"


class _Writer:
    """structlog's idea of a logger: one method a level, each given the rendered line."""

    def __init__(self, output: LogOutput) -> None:
        self.debug = self.info = self.warning = self.error = self.msg = output.write


class _Handler(logging.Handler):
    """Brings the standard library's records into the same form; a traceback becomes one escaped field."""

    def emit(self, record: logging.LogRecord) -> None:
        log = event_log("python")
        fields: dict[str, object] = {"logger": record.name, "text": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = repr(record.exc_info[1])
        emit = log.error if record.levelno >= logging.ERROR else log.warning
        (log.info if record.levelno < logging.WARNING else emit)("python", **fields)
