"""How log lines look: text for people or one JSON object a line, each with the id of its request. Knows no route."""

import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec

from api.dependencies.request_ids import request_id
from api.dependencies.traces import trace_ids
from api.errors import BadSettings

logger = logging.getLogger(__name__)

FORMATS = ("text", "json")
FIELDS = "keyart_fields"
"""The attribute of a record that holds further fields of its JSON object: `logger.info(…, extra={FIELDS: {…}})`."""


class TextLines(logging.Formatter):
    """`WARNING [request] message`, as people read it at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        request = request_id()
        said = super().format(record)
        return f"{record.levelname} {said}" if request is None else f"{record.levelname} [{request}] {said}"


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, `request`, `trace`, `exception`, own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        request = request_id()
        if request is not None:
            line["request"] = request
        line |= trace_ids()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        line |= getattr(record, FIELDS, {})
        return msgspec.json.encode(line).decode()


def log_to_stderr(environment: Mapping[str, str]) -> None:
    """Send every log line of this process to stderr, as `KEYART_LOG_LEVEL` and `KEYART_LOG_FORMAT` say.

    In JSON also what Python itself would write there: warnings, and what ends the process or one of its threads.

    Raises:
        BadSettings: one of the two names nothing that is known.
    """
    level = (environment.get("KEYART_LOG_LEVEL") or "WARNING").upper()
    known = logging.getLevelNamesMapping()
    if level not in known:
        raise BadSettings(f"KEYART_LOG_LEVEL {level} is no level.", f"Use one of {', '.join(known)}.")
    style = environment.get("KEYART_LOG_FORMAT") or "text"
    if style not in FORMATS:
        raise BadSettings(f"KEYART_LOG_FORMAT {style} is no format.", f"Use one of {', '.join(FORMATS)}.")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("keyart.access").setLevel(logging.INFO)  # whether there are such lines says KEYART_ACCESS_LOG
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # lists its parts at each start
    if style == "json":
        logging.captureWarnings(capture=True)
        sys.excepthook, threading.excepthook = _log_the_end, _log_the_end_of_a_thread


def tell(message: str) -> None:
    """Write a line to stderr, whatever the level: what whoever starts a process waits for. JSON where others are."""
    shapes = [each.formatter for each in logging.getLogger().handlers if isinstance(each.formatter, JsonLines)]
    told = {"name": "keyart", "levelno": logging.INFO, "levelname": "INFO", "msg": message}
    sys.stderr.write((shapes[0].format(logging.makeLogRecord(told)) if shapes else message) + "\n")


def _log_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.critical("the process ends: %s", kind.__name__, exc_info=(kind, error, trace))


def _log_the_end_of_a_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and ended.exc_type is not SystemExit:
        found = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        logger.critical("a thread ends: %s", ended.exc_type.__name__, exc_info=found)
