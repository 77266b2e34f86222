"""In tests, versions are learned and examined in this process: the same work, without a second of starting another.

A test of what the other process is for asks for the fixture `apart`. One that puts another program in its place need
not: only Keyart's own are done here.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from bandit import apprentice, apprenticeship, examination, learning
from bandit.examination import Examiner
from bandit.registry import examine

_APPRENTICE, _run_apprentice = apprenticeship.APPRENTICE, apprenticeship.run_apprentice
_EXAMINER, _run_examiner = examination.EXAMINER, Examiner._run


@pytest.fixture
def apart() -> None:
    """Processes of their own learn and examine, as they do outside tests."""


@pytest.fixture(autouse=True)
def no_needless_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn and examine here. What fixtures of a module or of the session learn, processes of their own learn."""
    if "apart" not in request.fixturenames:
        monkeypatch.setattr(learning, "run_apprentice", _learn_here)
        monkeypatch.setattr(Examiner, "_run", _examine_here)


def _learn_here(folder: str, *, timeout: float, progress: Callable[[float], None] | None) -> None:
    if apprenticeship.APPRENTICE != _APPRENTICE:
        _run_apprentice(folder, timeout=timeout, progress=progress)
    else:
        apprentice.main(Path(folder), progress or (lambda _: None))


def _examine_here(self: Examiner, bundle: bytes, digest: str) -> None:
    if self._command != _EXAMINER:
        _run_examiner(self, bundle, digest)
    else:
        examine(bundle, digest)
