"""Lets another process examine a version before this one loads it. Knows no policy, no storage and no stage."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

import bandit
from bandit.errors import BanditError, DamagedModel, ExaminationFailed, GoldenMismatch, IncompatibleModel

EXAMINER = (sys.executable, "-m", "bandit.examiner")
TIMEOUT_SECONDS = 60
"""An examination takes a second, but the first one on a machine may compile arithmetic (`bandit.kernels`)."""
ASK_AGAIN_SECONDS = 60.0
"""How long a refusal holds: a process that ran out of memory or time may do better later."""
_MISTAKES = {each.__name__: each for each in (DamagedModel, IncompatibleModel, GoldenMismatch)}


class Examiner:
    """Examines every digest once: what passed stays passed, for bytes of one digest do not change."""

    def __init__(
        self,
        *,
        command: Sequence[str] = EXAMINER,
        timeout_seconds: int = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`command` is the process, which is given a file, its digest and the seconds that it may take."""
        self._command = command
        self._timeout = timeout_seconds
        self._clock = clock
        self._passed: set[str] = set()
        self._refused: dict[str, tuple[float, BanditError]] = {}
        self._lock = threading.Lock()

    def examine(self, bundle: bytes, digest: str) -> None:
        """Let a process of its own check that `bundle` is whole and states its golden probabilities.

        Raises:
            DamagedModel, IncompatibleModel, GoldenMismatch: see `bandit.registry.examine`.
            ExaminationFailed: the process died, hung or said nothing of sense.
        """
        with self._lock:
            if digest in self._passed:
                return
            refused_at, error = self._refused.get(digest, (0.0, None))
            if error is not None and self._clock() - refused_at < ASK_AGAIN_SECONDS:
                raise error
            try:
                self._run(bundle, digest)
            except BanditError as mistake:
                self._refused[digest] = (self._clock(), mistake)
                raise
            self._passed.add(digest)

    def _run(self, bundle: bytes, digest: str) -> None:
        with tempfile.TemporaryDirectory(prefix="keyart-examine-") as folder:
            file = Path(folder) / digest
            file.write_bytes(bundle)
            command = [*self._command, str(file), digest, str(self._timeout)]
            try:
                ended = subprocess.run(  # noqa: S603 (our own module)
                    command, capture_output=True, check=False, timeout=self._timeout, env=_environment(), cwd=folder
                )
            except (subprocess.TimeoutExpired, OSError) as error:
                raise ExaminationFailed(_failed(f"did not end: {error.__class__.__name__}")) from error
        _judge(ended)


def _judge(ended: subprocess.CompletedProcess[bytes]) -> None:
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise ExaminationFailed(_failed(f"ended with code {ended.returncode} ({last[0]})"))
    try:
        found = msgspec.json.decode(ended.stdout, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise ExaminationFailed(_failed("did not say what it found")) from error
    if found:
        raise _MISTAKES.get(found.get("mistake", ""), ExaminationFailed)(found.get("message", _failed("refused it")))


def _failed(how: str) -> str:
    return (
        f"the process that examined the version {how}; the live one stays: see that memory suffices, restore the model "
        "from a backup or learn the version again"
    )


def _environment() -> dict[str, str]:
    """This process's environment without Keyart's own settings: an examiner needs no key and no database."""
    home = str(Path(bandit.__file__).resolve().parent.parent)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYART_")}
    return kept | {"PYTHONPATH": os.pathsep.join([home, *filter(None, sys.path)]), "OMP_NUM_THREADS": "1"}
