"""The explorer's form, read: what is wrong with it by field, and the question it asks. Keeps no raw viewer id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite

from api.console.explored import Question
from api.security import Keys, is_pseudonym
from artwork.catalog import TitleId
from bandit.context import RequestContext
from foundation.events import ViewerId

LONGEST_VIEWER = 256
LONGEST_WORD = 64
_CONTEXT = ("device", "row", "canvas", "locale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The form as it is shown again. `known` is the pseudonym that was asked about; what was typed as a viewer's id
    is in no field, so that no page can show it.
    """

    known: str = ""
    title: str = ""
    device: str = "tv"
    row: str = ""
    canvas: str = ""
    locale: str = ""
    at: str = ""
    position: str = "1"
    score: str = ""
    errors: Mapping[str, str] = field(default_factory=dict[str, str])


def read_asking(sent: Mapping[str, str], keys: Keys, *, now: datetime) -> tuple[Asking, Question | None]:
    """Read the form; the viewer's id becomes a pseudonym here and is forgotten. No question where a field is wrong."""
    errors: dict[str, str] = {}
    viewer = _viewer(sent, keys, errors)
    at = _moment(sent.get("at", ""), errors, now=now)
    position = _number(sent, "position", errors, least=1, default=1.0)
    score = _number(sent, "score", errors)
    words = {name: sent.get(name, "") for name in _CONTEXT}
    for name, word in words.items():
        if len(word) > LONGEST_WORD or not word.isprintable():
            errors[name] = f"Give at most {LONGEST_WORD} printable characters."
    title = sent.get("title", "")
    if not title:
        errors["title"] = "Choose a title."
    shown = {name: sent.get(name, "") for name in ("at", "position", "score")}
    asking = Asking(known=viewer or "", title=title, errors=errors, **words, **shown)
    if errors or viewer is None or at is None:
        return asking, None
    context = RequestContext(at=at, **{name: word or None for name, word in words.items()})
    place = round(position or 1.0) - 1
    return asking, Question(viewer=viewer, title=TitleId(title), context=context, position=place, score=score)


def _viewer(sent: Mapping[str, str], keys: Keys, errors: dict[str, str]) -> ViewerId | None:
    """The pseudonym of who was typed, or else of who was asked about before."""
    raw, known = sent.get("viewer", ""), sent.get("known", "")
    if len(raw) > LONGEST_VIEWER or not raw.isprintable():
        errors["viewer"] = f"An id has at most {LONGEST_VIEWER} printable characters."
        return None
    if raw:
        return keys.pseudonym(raw)
    if is_pseudonym(known):
        return keys.renamed(ViewerId(known))
    errors["viewer"] = "Type the viewer's id, as it is sent to /v1/select."
    return None


def _moment(written: str, errors: dict[str, str], *, now: datetime) -> datetime | None:
    if not written:
        return now
    try:
        at = datetime.fromisoformat(written)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        errors["at"] = "Give a time in UTC, for example 2026-01-31T20:15, or leave it empty for now."
        return None


def _number(
    sent: Mapping[str, str], name: str, errors: dict[str, str], *, least: float = -1e12, default: float | None = None
) -> float | None:
    written = sent.get(name, "")
    if not written:
        return default
    try:
        number = float(written.replace(",", "."))
    except ValueError:
        number = float("nan")
    if isfinite(number) and least <= number <= 1e12:
        return number
    errors[name] = "Give a number." if least < 0 else f"Give a number from {least:g} on."
    return None
