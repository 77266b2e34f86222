"""Runs a command of `keyart` in this process and keeps what it wrote."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from api.cli.main import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """What it printed with `--json`: one object, and nothing else."""
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found

    def refusal(self) -> str:
        """The one line of a command that was refused."""
        assert (self.code, self.out) == (2, ""), (self.code, self.out, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("keyart: ")
        return lines[0]


class Command:
    """`keyart` with the arguments it is called with."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> Ended:
        """Run one command to its end."""
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        written = self._capture.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, written.out, written.err)
