"""What the database said last, kept in a file beside it: written whole, read back whole or not at all. Knows not what.

A first line says of which database and which state it is, a last one is the SHA-256 of all before it.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy.engine import make_url

from api.errors import DamagedFile, MissingFile

_FORMAT = 1
_DIGEST_LINE = 65
_ABANDONED_SECONDS = 3600.0
"""A draft that nobody has written to for so long is one of a process that was killed."""
_REMEDY = "It is written while a server runs and its database is up."


class _Head(msgspec.Struct, frozen=True):
    """`format` changes with the meaning of the lines; `database` tells one database from another."""

    format: int
    database: str
    revision: str


class Snapshot:
    """One file. `database_url` is hashed without its password: what another database said is of no use."""

    def __init__(self, path: Path, *, database_url: str) -> None:
        named = make_url(database_url).set(password=None).render_as_string()
        self._path = path
        self._database = hashlib.sha256(named.encode()).hexdigest()

    def keep(self, revision: str, lines: Iterable[bytes]) -> None:
        """Write a state, over the one before; no line holds a line break. Whoever reads finds the one or the other.

        Raises:
            OSError: it cannot be written; the one before stays.
        """
        head = msgspec.json.encode(_Head(_FORMAT, self._database, revision))
        digest = hashlib.sha256()
        with _written_whole(self._path) as file:
            for line in _with(head, lines):
                digest.update(line)
                file.write(line)
            file.write(digest.hexdigest().encode() + b"\n")

    def revision(self) -> str | None:
        """Return the state that is kept, by its first line alone; None where there is none of this database."""
        try:
            with self._path.open("rb") as file:
                return self._known(file.readline())
        except (OSError, msgspec.MsgspecError):
            return None

    def recall(self) -> list[bytes]:
        """Return the lines of the state that is kept.

        Raises:
            MissingFile: there is none, or it is of another database or another version of Keyart.
            DamagedFile: its bytes are not those that were written.
        """
        try:
            text = self._path.read_bytes()
        except OSError as error:
            raise MissingFile(f"There is no file {self._path.name}.", _REMEDY) from error
        body, digest = text[:-_DIGEST_LINE], text[-_DIGEST_LINE:]
        if digest != hashlib.sha256(body).hexdigest().encode() + b"\n":
            raise DamagedFile(f"The file {self._path.name} is not as it was written.", _REMEDY)
        head, *lines, _ = body.split(b"\n")
        if self._known(head) is None:
            raise MissingFile(f"The file {self._path.name} is of another database.", _REMEDY)
        return lines

    def _known(self, head: bytes) -> str | None:
        found = msgspec.json.decode(head, type=_Head)
        return found.revision if (found.format, found.database) == (_FORMAT, self._database) else None


def _with(head: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    yield head + b"\n"
    for line in lines:
        yield line + b"\n"


@contextmanager
def _written_whole(path: Path) -> Generator[BinaryIO]:
    """Write beside, sync, rename: a crash leaves the file of before or the new one. Its owner alone may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _remove_abandoned(path: Path) -> None:
    for draft in path.parent.glob(f".{path.name}.*"):
        with suppress(OSError):  # it became a whole file, or another process was faster
            if time.time() - draft.stat().st_mtime > _ABANDONED_SECONDS:
                draft.unlink()
