"""What is wrong with a log that somebody brought: a name, the rows that show it, and what to do. Knows no format."""

from collections.abc import Callable, Iterable

from api.errors import BadInput
from bandit.ope.diagnosis.faults import Refusal

NAMED_ROWS = 10


class BadLog(BadInput):
    """A log cannot be read as it was meant.

    `reason` never changes for a mistake; `rows` are numbers of rows that show it, from 0, the first ten.
    """

    def __init__(self, message: str, remedy: str, *, reason: str, rows: Iterable[int] = ()) -> None:
        named = tuple(int(row) for _, row in zip(range(NAMED_ROWS), rows, strict=False))
        super().__init__(f"{message[:-1]}: {_said(named)}." if named else message, remedy)
        self.complaint = message
        self.reason = reason
        self.rows = named

    def __reduce__(self) -> tuple[Callable[[str, str, str, tuple[int, ...]], "BadLog"], tuple[object, ...]]:
        """Another process that found it sends it home whole."""
        return _again, (self.complaint, self.remedy, self.reason, self.rows)

    def moved(self, rows: int) -> "BadLog":
        """The same of rows that stand so much later in the log."""
        return _again(self.complaint, self.remedy, self.reason, tuple(row + rows for row in self.rows))

    def refusal(self) -> Refusal:
        """The same as an evaluation's refusal; a sentence there ends without its full stop."""
        return Refusal(
            code=self.reason,
            message=self.message.removesuffix("."),
            remedy=self.remedy.removesuffix("."),
            rows=self.rows,
            bad_input=True,
        )


def _again(message: str, remedy: str, reason: str, rows: tuple[int, ...]) -> BadLog:
    return BadLog(message, remedy, reason=reason, rows=rows)


def one_line(error: Exception) -> str:
    """What a library said, short enough for a line."""
    return " ".join(str(error).split())[:200].rstrip(". ")


def _said(rows: tuple[int, ...]) -> str:
    return ("row " if len(rows) == 1 else "rows ") + ", ".join(map(str, rows))
