"""The secrets of an installation, oldest first, in one text: read, made once, and added to. Knows no key's purpose.

The text is the first secret alone; each later one follows on a line of its own, `since TIME SECRET`. It comes from
KEYART_SECRET or from `KEYART_HOME/secret.key`, never from the database (C11).
"""

import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.errors import BadSettings, Conflict
from api.settings import SHORTEST_SECRET, Settings

SECRET_FILE = "secret.key"  # noqa: S105 (the name of a file)
MOST_SECRETS = 20
"""So many generations have a letter of their own (`api.security`)."""

_SINCE = re.compile(rb"\r?\nsince[ \t]+(\S+)[ \t]+")
_REMEDY = "Restore it from a backup; without it no known viewer is recognised again."


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret, and from when on it was the newest; None for the first."""

    secret: bytes
    since: datetime | None = None


def load_secrets(settings: Settings) -> tuple[Secret, ...]:
    """Return the secrets, oldest first; the file is made when it is missing.

    Raises:
        BadSettings: it cannot be made or read, or what it holds are no secrets.
    """
    if settings.secret is not None:
        return parse_secrets(settings.secret.get_secret_value().encode(), place="KEYART_SECRET")
    path = settings.home / SECRET_FILE
    try:
        if not path.exists():
            _write(path, secrets.token_hex(32).encode() + b"\n", over=False)
        return parse_secrets(path.read_bytes(), place=f"The secret file {path}")
    except OSError as error:
        raise BadSettings(
            f"The secret file {path} cannot be used: {error.strerror}.",
            "Make KEYART_HOME writable, or set KEYART_SECRET.",
        ) from error


def add_secret(settings: Settings, *, now: datetime) -> tuple[Secret, ...]:
    """Put a new secret beside the older ones, and return all of them.

    The file is replaced whole, and its owner alone may read it.

    Raises:
        Conflict: the secrets are in KEYART_SECRET, which only people can change; or there are too many.
        BadSettings: the file cannot be read or written.
    """
    if settings.secret is not None:
        line = f"since {_written(now)} NEW"
        raise Conflict(
            "The secret is in KEYART_SECRET, which no command can change.",
            f"Add a line `{line}` to it, with at least {SHORTEST_SECRET} random characters for NEW, and restart.",
        )
    held = load_secrets(settings)
    if len(held) == MOST_SECRETS:
        raise Conflict(
            f"There are {MOST_SECRETS} secrets already.", "Keep the newest; pseudonyms cannot be renamed on."
        )
    if any(each.since is not None and each.since >= now for each in held):
        raise Conflict("The newest secret is of a later moment than now.", "Set this machine's clock.")
    path = settings.home / SECRET_FILE
    line = f"since {_written(now)} {secrets.token_hex(32)}\n".encode()
    try:
        _write(path, path.read_bytes().strip() + b"\n" + line, over=True)
    except OSError as error:
        raise BadSettings(f"The secret file {path} cannot be written: {error.strerror}.", _REMEDY) from error
    return load_secrets(settings)


def parse_secrets(text: bytes, *, place: str) -> tuple[Secret, ...]:
    """Read secrets from their text; messages say `place`, and never a secret.

    Raises:
        BadSettings: one is too short, or a time is none, or they are not in the order of time.
    """
    first, *rest = _SINCE.split(text.strip())
    later = [Secret(secret.strip(), _moment(since, place)) for since, secret in zip(rest[::2], rest[1::2], strict=True)]
    found = (Secret(first.strip()), *later)
    if any(len(each.secret) < SHORTEST_SECRET for each in found):
        raise BadSettings(f"{place} holds fewer than {SHORTEST_SECRET} characters.", _REMEDY)
    times = [each.since for each in later if each.since is not None]
    if times != sorted(set(times)) or len(found) > MOST_SECRETS:
        raise BadSettings(f"{place} holds secrets out of order, or more than {MOST_SECRETS}.", "Put the newest last.")
    return found


def _moment(since: bytes, place: str) -> datetime:
    try:
        moment = datetime.fromisoformat(since.decode())
    except ValueError as error:
        raise BadSettings(
            f"{place} has a line whose time is none.", "Write `since 2026-01-31T18:00:00Z NEW`."
        ) from error
    if moment.tzinfo is None:
        raise BadSettings(f"{place} has a time without its offset.", "Write `since 2026-01-31T18:00:00Z NEW`.")
    return moment.astimezone(UTC)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _write(path: Path, text: bytes, *, over: bool) -> None:
    """Write the file whole or not at all; not `over`, of two processes that start together one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if over:
            draft.replace(path)
        else:
            _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


def _link(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
