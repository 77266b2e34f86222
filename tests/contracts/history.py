"""A model of what a caller may rely on, beside a real server: what was answered, and what it means (C1–C6)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Answered:
    """A page as it was answered; `body` is the request, `content` the answer's bytes."""

    page: str
    logged: bool
    policy: str
    decisions: Sequence[str]
    artworks: Sequence[str]
    body: Mapping[str, Any]
    content: bytes


@dataclass
class Model:
    """What was answered so far. `told` are the outcomes that were kept, by decision and event."""

    pages: dict[str, Answered] = field(default_factory=dict[str, Answered])
    keys: dict[str, Answered] = field(default_factory=dict[str, Answered])
    told: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    waiting: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    fates: Counter[str] = field(default_factory=Counter[str])
    live: list[str] = field(default_factory=lambda: ["uniform"])

    def answered(self, found: Answered, key: str | None) -> None:
        """Note a page; under a key it must be what it was, also when the key is new to its server."""
        known = self.keys.get(key or "")
        if known is not None:
            assert found.content == known.content, "C2: the same key was answered something else"
        if key is not None:
            self.keys[key] = found
        before = self.pages.setdefault(found.page, found)
        assert before.content == found.content

    def restarted(self) -> None:
        """Forget the keys of answers that were only in memory: default artworks, which no log knows."""
        self.keys = {key: found for key, found in self.keys.items() if found.logged}

    def logged(self) -> list[Answered]:
        """The pages that were answered as durable."""
        return [each for each in self.pages.values() if each.logged]

    def tell(self, row: Mapping[str, Any], *, genuine: bool, known: bool) -> str:
        """Note one reported outcome and return what must become of it: accepted, duplicate or rejected."""
        self.fates["received"] += 1
        if not genuine:
            self.fates["rejected"] += 1
            return "rejected"
        name = row["decision"], row["event"]
        if name in self.told or name in self.waiting:
            self.fates["duplicate"] += 1
            return "duplicate"
        if not known:
            self.waiting.add(name)
            return "accepted"
        self.told[name] = is_late(row)
        return "accepted"

    def terms(self) -> dict[str, int]:
        """The terms of C5 when everything was joined and every window has ended, but nobody gave up waiting."""
        late = sum(self.told.values())
        return {
            "received": self.fates["received"],
            "duplicate": self.fates["duplicate"],
            "rejected": self.fates["rejected"],
            "waiting": len(self.waiting),
            "late": late,
            "matched": len(self.told) - late,
            "open": 0,
        }

    def seen(self) -> set[str]:
        """The decisions that were seen in time, so they have rewards (C4)."""
        return {decision for (decision, _), late in self.told.items() if not late}


def is_late(row: Mapping[str, Any]) -> bool:
    """Whether an outcome happened after the window of any page of this hour."""
    return datetime.fromisoformat(row["at"]) > datetime.now(UTC) + WINDOW


def outcome(decision: str, event: str, *, kind: str, late: bool) -> dict[str, Any]:
    """An outcome as it is reported."""
    at = datetime.now(UTC) + (3 * WINDOW if late else timedelta(0))
    row: dict[str, Any] = {"event": event, "decision": decision, "kind": kind, "at": at.isoformat()}
    return row | ({"seconds": 3000.0, "of_seconds": 6000.0} if kind == "played" else {})
