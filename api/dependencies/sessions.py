"""Log-ins to the console: begun with a key, found by a cookie, ended by time, by people or with their key.

Knows no page. A browser sends the cookie by itself, whoever made it ask: so what changes something must come from this
server's own pages.
"""

import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response
from sqlalchemy import Engine

from api.credentials import Principal, digest_of
from api.dependencies.key_mirror import KeyMirror
from api.errors import StorageUnavailable
from api.settings import Settings
from api.storage.audit_log import record
from api.storage.database import reading, transaction
from api.storage.sessions import Session, end_session, find_session, forget_ended, open_session, see_session

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECURE, _PLAIN = "__Host-keyart", "keyart"
_SEEN_EVERY = timedelta(minutes=1)


class Sessions:
    """The log-ins of an installation. Everything here asks the database: call it in a thread."""

    def __init__(self, engine: Engine, keys: KeyMirror, settings: Settings) -> None:
        self._engine = engine
        self._keys = keys
        self._idle = timedelta(seconds=settings.session_idle_seconds)
        self._longest = timedelta(seconds=settings.session_seconds)

    def begin(self, principal: Principal, *, now: datetime) -> str:
        """Log somebody in and return the id for the cookie; the database holds its hash only."""
        given = secrets.token_urlsafe(32)
        session = Session(
            session=digest_of(given).hex(),
            prefix=principal.prefix,
            created_at=now,
            seen_at=now,
            expires_at=now + self._longest,
        )
        with transaction(self._engine) as connection:
            forget_ended(connection, now=now, idle=self._idle)
            open_session(connection, session)
            record(
                connection, actor=principal.actor, action="session.begin", subject=f"key/{principal.prefix}", now=now
            )
        return given

    def principal_of(self, given: str, *, now: datetime) -> Principal | None:
        """Return who is logged in under an id, None when nobody is (any more)."""
        hashed = digest_of(given).hex()
        with reading(self._engine) as connection:
            session = find_session(connection, hashed)
        if session is None or not session.is_open(now, idle=self._idle):
            return None
        if now - session.seen_at >= min(_SEEN_EVERY, self._idle / 4):
            # Where nothing can be written, as on a full disk, the console is what tells the operator so.
            with suppress(StorageUnavailable), transaction(self._engine) as connection:
                see_session(connection, hashed, now=now)
        return self._keys.principal_with(session.prefix, now=now.timestamp())

    def end(self, given: str) -> None:
        """Log out; who was, is on the audit log as who came in is."""
        hashed, now = digest_of(given).hex(), utc_now()
        with transaction(self._engine) as connection:
            session = find_session(connection, hashed)
            if session is None:
                return
            end_session(connection, hashed)
            principal = self._keys.principal_with(session.prefix, now=now.timestamp())
            actor = "nobody" if principal is None else principal.actor
            record(connection, actor=actor, action="session.end", subject=f"key/{session.prefix}", now=now)

    def give(self, request: Request, response: Response, given: str) -> None:
        """Let the browser keep an id: out of reach of scripts, and sent to this server only."""
        secure = is_secure(request)
        response.set_cookie(
            _SECURE if secure else _PLAIN,
            given,
            max_age=round(self._longest.total_seconds()),
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )


def given_session(request: Request) -> str | None:
    """Return the id that the browser sent, if it sent one."""
    return request.cookies.get(_SECURE if is_secure(request) else _PLAIN)


def take_back(request: Request, response: Response) -> None:
    """Let the browser forget the id."""
    secure = is_secure(request)
    response.delete_cookie(_SECURE if secure else _PLAIN, path="/", secure=secure, httponly=True, samesite="lax")


def is_secure(request: Request) -> bool:
    """Tell whether cookies are for HTTPS only: always, but on plain HTTP to this machine itself."""
    return request.url.scheme == "https" or request.url.hostname not in _LOOPBACK


def is_from_own_pages(request: Request, *, unless_told: bool = False) -> bool:
    """Tell whether a page of this server made the request: by Fetch Metadata, else by `Origin`.

    `unless_told` is the answer where a client sends neither: no browser that sends forms does so.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return unless_told
    return urlsplit(origin).netloc == request.headers.get("host")


def utc_now() -> datetime:
    """The clock of sessions."""
    return datetime.now(UTC)
