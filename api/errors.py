"""Mistakes the edges refuse, each with its HTTP status, a stable code and a remedy. Knows no HTTP library.

Routes turn them into `application/problem+json`, the command line into one line and exit code 2.
"""

from typing import ClassVar


class KeyartError(Exception):
    """The root: `message` says what is wrong, `remedy` what to do about it, `code` never changes for a mistake.

    `titles` are those for which a page was refused: without them it would not be.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong inside Keyart"
    titles: tuple[str, ...] = ()

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class BadInput(KeyartError):
    """What was sent is not what is taken."""

    status, code, title = 422, "bad_input", "The input is not valid"


class RejectedUpload(KeyartError):
    """The uploaded bytes are no artwork that is taken; `reason` is the code of the check that refused them."""

    status, code, title = 422, "rejected_image", "The image is not taken"

    def __init__(self, message: str, remedy: str = "", *, reason: str) -> None:
        super().__init__(message, remedy)
        self.reason = reason


class TooLarge(KeyartError):
    """The body is larger than the limit."""

    status, code, title = 413, "too_large", "The body is too large"


class RepeatedKey(KeyartError):
    """An idempotency key was used before: with another body, or by a request that was answered a moment earlier."""

    status, code, title = 422, "repeated_key", "The idempotency key was used before"


class ForgedDecision(KeyartError):
    """A decision id was not issued by this installation."""

    status, code, title = 422, "forged_decision", "The decision id is not genuine"


class NotAllowed(KeyartError):
    """The request carries no key, or a wrong one."""

    status, code, title = 401, "not_allowed", "A valid key is required"


class LogInFirst(NotAllowed):
    """A person who is not logged in asks for a page of the console; a browser is led to the log-in."""

    code, title = "log_in_first", "Log in first"


class Forbidden(KeyartError):
    """The key is valid and may not do this, or the request was made by a foreign page."""

    status, code, title = 403, "forbidden", "This is not allowed"


class TooManyRequests(KeyartError):
    """Too many requests of a key, or too many failures of an address; `retry_after` is in seconds."""

    status, code, title = 429, "too_many_requests", "There were too many requests"

    def __init__(self, message: str, remedy: str = "", *, retry_after: int) -> None:
        super().__init__(message, remedy)
        self.retry_after = retry_after


class NotFound(KeyartError):
    """What was asked for does not exist."""

    status, code, title = 404, "not_found", "There is no such thing"


class UnknownTitle(NotFound):
    """No title has this id."""

    code, title = "unknown_title", "There is no such title"


class UnknownArtwork(NotFound):
    """The title has no artwork of this id."""

    code, title = "unknown_artwork", "There is no such artwork"


class UnknownGuard(NotFound):
    """The title has no guard of this number."""

    code, title = "unknown_guard", "There is no such guard"


class UnknownKey(NotFound):
    """No API key has this prefix or name."""

    code, title = "unknown_key", "There is no such key"


class UnknownImage(NotFound):
    """No image has this hash."""

    code, title = "unknown_image", "There is no such image"


class UnknownDecision(NotFound):
    """No logged decision has this id."""

    code, title = "unknown_decision", "There is no such decision"


class UnknownVersion(NotFound):
    """No policy, foundation or embedding version has this id."""

    code, title = "unknown_version", "There is no such version"


class UnknownExperiment(NotFound):
    """No experiment has this name."""

    code, title = "unknown_experiment", "There is no such experiment"


class Conflict(KeyartError):
    """What was asked for does not fit the present state."""

    status, code, title = 409, "conflict", "The present state does not allow this"


class ChangedMeanwhile(KeyartError):
    """A writer named the state that it means to change, and it is another one by now."""

    status, code, title = 412, "changed_meanwhile", "It is in another state than you think"


class DamagedFile(KeyartError):
    """A stored file's bytes do not have the SHA-256 that names it."""

    code, title = "damaged_file", "A stored file is damaged"


class MissingFile(KeyartError):
    """A stored file is gone although the database names it."""

    code, title = "missing_file", "A stored file is missing"


class StorageUnavailable(KeyartError):
    """The database is locked, full, down or not migrated: nothing was written."""

    status, code, title = 503, "storage_unavailable", "The database cannot be used now"


class NewerDatabase(StorageUnavailable):
    """A newer Keyart migrated the database: waiting does not help."""

    code, title = "newer_database", "The database is of a newer Keyart"


class Unavailable(KeyartError):
    """A part is too busy, or cannot be started, at the moment: nothing was written."""

    status, code, title = 503, "unavailable", "This cannot be done right now"


class Leaving(KeyartError):
    """The server is about to end; it answers what comes until then."""

    status, code, title = 503, "leaving", "The server is about to end"


class BadSettings(KeyartError):
    """A setting, in the environment or in keyart.toml, is wrong."""

    code, title = "bad_settings", "A setting is wrong"
