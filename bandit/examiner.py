"""The process that examines a version: `python -m bandit.examiner FILE DIGEST`. May die or hang; nobody else does.

It prints one JSON object: empty when the version states its golden probabilities, else the mistake and its message.
"""

import resource
import signal
import sys
from pathlib import Path

import msgspec

from bandit.errors import BanditError
from bandit.registry import examine

MOST_MEMORY = 16 << 30
"""Bytes of address space; a damaged model may ask for any number of weights."""


def main(file: Path, digest: str, *, seconds: int) -> None:
    """Examine the bundle in `file`; after `seconds` the system ends this process, even inside the engine."""
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    found: dict[str, str] = {}
    try:
        examine(file.read_bytes(), digest)
    except BanditError as error:
        found = {"mistake": type(error).__name__, "message": str(error)}
    sys.stdout.write(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], seconds=int(sys.argv[3]))
