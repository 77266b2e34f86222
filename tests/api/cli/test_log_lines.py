"""With KEYART_LOG_FORMAT=json every line that a process writes is an object, also those that Python writes."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, threading, warnings
from api.dependencies.logs import log_to_stderr, tell
log_to_stderr(os.environ)
tell("Keyart listens")
warnings.warn("this is old", stacklevel=1)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise LookupError("no such thing")
"""


def lines(style: str) -> list[str]:
    environment = {**os.environ, "KEYART_LOG_FORMAT": style}
    ended = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    return ended.stderr.splitlines()


def test_every_line_is_an_object() -> None:
    told, warned, thread, end = [json.loads(line) for line in lines("json")]
    assert (told["message"], told["level"]) == ("Keyart listens", "INFO")
    assert "this is old" in warned["message"]
    assert (thread["message"], thread["level"]) == ("a thread ends: ZeroDivisionError", "CRITICAL")
    assert "1 / 0" in thread["exception"] or "ZeroDivisionError" in thread["exception"]
    assert end["message"] == "the process ends: LookupError"
    assert "no such thing" in end["exception"]


@pytest.mark.parametrize("line", ["Keyart listens", "LookupError: no such thing"])
def test_at_a_terminal_they_are_text(line: str) -> None:
    assert line in lines("text")
