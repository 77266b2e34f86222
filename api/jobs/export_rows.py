"""Pages of the log as columns of Parquet, one row a decision that was seen. Knows no file and no database.

Whole columns of some hundred pages are made at once: what pages and slots have in common is written down once and taken
by number.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from api.storage.exclusions import Exclusions
from api.storage.log_days import day_of
from api.storage.rewards import RewardsBody, StoredRewards, decode_rewards
from bandit.context import RequestContext
from bandit.decision import PageId, Reason, Rung
from bandit.rewards import REWARDS
from bandit.valuing import SlotState
from foundation.events import ViewerId

REWARD_COLUMNS = {definition: f"reward_{definition.replace('/', '_')}" for definition in REWARDS}
"""Where each definition's reward stands; empty in rows that were valued before there was this definition."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = pa.timestamp("us", tz="UTC")

SCHEMA = pa.schema(
    [
        pa.field("decision", pa.string(), nullable=False),
        pa.field("at", _MOMENT, nullable=False),
        pa.field("viewer", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("shown_at", _MOMENT),
        pa.field("device", pa.string()),
        pa.field("row", pa.string()),
        pa.field("canvas", pa.string()),
        pa.field("locale", pa.string()),
        pa.field("artworks", pa.list_(pa.string()), nullable=False),
        pa.field("images", pa.list_(pa.string()), nullable=False),
        pa.field("probabilities", pa.list_(pa.float64()), nullable=False),
        pa.field("bounds_low", pa.list_(pa.float64())),
        pa.field("bounds_high", pa.list_(pa.float64())),
        pa.field("diversity", pa.float64(), nullable=False),
        pa.field("artwork", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rung", pa.string(), nullable=False),
        pa.field("kept", pa.float64(), nullable=False),
        pa.field("cell", pa.string()),
        pa.field("logged_policy", pa.string(), nullable=False),
        pa.field("embedding_version", pa.string(), nullable=False),
        pa.field("foundation_version", pa.string()),
        pa.field("reward", pa.float64(), nullable=False),
        pa.field("reward_definition", pa.string(), nullable=False),
        *(pa.field(column, pa.float64()) for column in REWARD_COLUMNS.values()),
        pa.field("final", pa.bool_(), nullable=False),
        pa.field("excluded", pa.string()),
    ]
)
"""docs/log-format.md says what each column means."""


class ExportSlot(msgspec.Struct, frozen=True, gc=False):
    """Of a `bandit.decision.Slot` what is exported; lists of names stay packed, since most slots have the same ones."""

    title: str
    artworks: msgspec.Raw
    images: msgspec.Raw
    probabilities: tuple[float, ...]
    chosen: int
    position: int
    score: float | None = None
    reason: Reason = Reason.POLICY
    bounds: tuple[tuple[float, float], ...] | None = None


class ExportPage(msgspec.Struct, frozen=True, gc=False):
    """Of a `bandit.decision.Page` what is exported."""

    page: PageId
    viewer: ViewerId
    at: datetime
    request: RequestContext
    policy: str
    embedding_version: str
    foundation_version: str | None
    slots: tuple[ExportSlot, ...]
    diversity: float = 0.0
    rung: Rung = Rung.LIVE
    kept: float = 1.0
    cell: str | None = None


@dataclass
class RowMaker:
    """Makes tables of `SCHEMA`; `reward` is the definition of the column `reward`."""

    reward: str
    exclusions: Exclusions
    _decode: Any = field(default_factory=lambda: msgspec.msgpack.Decoder(ExportPage).decode, init=False)

    def table(self, stored: Iterable[StoredRewards]) -> pa.Table:
        """Return the rows of some pages; those without a reward under this definition are left out."""
        pages: list[tuple[ExportPage, RewardsBody, bool]] = []
        for body, rewards, final in stored:
            known = decode_rewards(rewards)
            if self.reward in known.definitions:
                pages.append((self._decode(body), known, final))
        seen = [np.flatnonzero(np.frombuffer(known.states, np.int8)).tolist() for _, known, _ in pages]
        places = np.repeat(np.arange(len(pages)), [len(each) for each in seen])
        slots = [page.slots[slot] for (page, _, _), own in zip(pages, seen, strict=True) for slot in own]
        columns = {
            **_page_columns(pages, places, self.exclusions),
            **_slot_columns(slots),
            **self._reward_columns([known for _, known, _ in pages]),
            "decision": pa.array(
                [f"{page.page}-{slot:02d}" for (page, _, _), own in zip(pages, seen, strict=True) for slot in own],
                pa.string(),
            ),
        }
        return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)

    def _reward_columns(self, pages: Sequence[RewardsBody]) -> dict[str, pa.Array]:
        """The rewards of the slots that were seen: 0 where they were not played, null under a definition not known."""
        wide = [_seen_rewards(known) for known in pages]
        values = np.concatenate(wide) if wide else np.empty((0, len(REWARDS)))
        columns = {
            column: pa.array(values[:, place], mask=np.isnan(values[:, place]))
            for place, column in enumerate(REWARD_COLUMNS.values())
        }
        own = columns[REWARD_COLUMNS[self.reward]]
        return {**columns, "reward": own, "reward_definition": pa.repeat(self.reward, len(values))}


def _seen_rewards(known: RewardsBody) -> NDArray[np.float64]:
    """Shape (slots seen, definitions of today); NaN where a page was valued before there was a definition."""
    states = np.frombuffer(known.states, np.int8)
    states = states[states != SlotState.UNSEEN]
    found = np.full((len(states), len(REWARDS)), np.nan)
    matrix, played = known.matrix(), states == SlotState.REWARDED
    for place, definition in enumerate(REWARDS):
        if definition in known.definitions:
            found[:, place] = 0.0
            found[played, place] = matrix[:, known.definitions.index(definition)]
    return found


def _page_columns(
    pages: Sequence[tuple[ExportPage, RewardsBody, bool]], places: NDArray[np.int64], exclusions: Exclusions
) -> dict[str, pa.Array]:
    """What all slots of a page have in common."""
    own = [page for page, _, _ in pages]
    asked = [page.request for page in own]
    columns = {
        "at": pa.array([_microseconds(page.at) for page in own], pa.int64()).cast(_MOMENT),
        "shown_at": pa.array([_microseconds(each.at) for each in asked], pa.int64()).cast(_MOMENT),
        "viewer": pa.array([page.viewer for page in own], pa.string()),
        "rung": pa.array([page.rung.value for page in own], pa.string()),
        "kept": pa.array([page.kept for page in own], pa.float64()),
        "cell": pa.array([page.cell for page in own], pa.string()),
        "diversity": pa.array([page.diversity for page in own], pa.float64()),
        "logged_policy": pa.array([page.policy for page in own], pa.string()),
        "embedding_version": pa.array([page.embedding_version for page in own], pa.string()),
        "foundation_version": pa.array([page.foundation_version for page in own], pa.string()),
        "final": pa.array([final for _, _, final in pages], pa.bool_()),
        "excluded": pa.array([_excluded(page, exclusions) for page in own], pa.string()),
    }
    for name in ("device", "row", "canvas", "locale"):
        columns[name] = pa.array([getattr(each, name) for each in asked], pa.string())
    taken = pa.array(places)
    return {name: column.take(taken) for name, column in columns.items()}


def _slot_columns(slots: Sequence[ExportSlot]) -> dict[str, pa.Array]:
    artworks, names = _lists([slot.artworks for slot in slots])
    images, _ = _lists([slot.images for slot in slots])
    stated = [slot.probabilities for slot in slots]
    return {
        "title": pa.array([slot.title for slot in slots], pa.string()),
        "position": pa.array([slot.position for slot in slots], pa.int32()),
        "score": pa.array([slot.score for slot in slots], pa.float64()),
        "artworks": artworks,
        "images": images,
        "probabilities": _floats(stated),
        "bounds_low": _bounds(slots, 0),
        "bounds_high": _bounds(slots, 1),
        "artwork": pa.array([own[slot.chosen] for own, slot in zip(names, slots, strict=True)], pa.string()),
        "propensity": pa.array([own[slot.chosen] for own, slot in zip(stated, slots, strict=True)], pa.float64()),
        "reason": pa.array([slot.reason.value for slot in slots], pa.string()),
    }


def _lists(packed: Sequence[msgspec.Raw]) -> tuple[pa.Array, list[list[str]]]:
    """Lists of names as a column and as they are, each different one unpacked once."""
    places: dict[bytes, int] = {}
    taken = [places.setdefault(bytes(each), len(places)) for each in packed]
    unpacked = [msgspec.msgpack.decode(each, type=list[str]) for each in places]
    column = pa.array(unpacked, pa.list_(pa.string())).take(pa.array(taken, pa.int64()))
    return column, [unpacked[place] for place in taken]


def _floats(lists: Sequence[Sequence[float]]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in lists], dtype=np.int64)])
    flat = np.fromiter((value for own in lists for value in own), np.float64, int(offsets[-1]))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat))


def _bounds(slots: Sequence[ExportSlot], side: int) -> pa.Array:
    if not any(slot.bounds for slot in slots):
        return pa.nulls(len(slots), pa.list_(pa.float64()))
    own = [slot.bounds and [pair[side] for pair in slot.bounds] for slot in slots]
    return pa.array(own, pa.list_(pa.float64()))


def _excluded(page: ExportPage, exclusions: Exclusions) -> str | None:
    reason = exclusions.viewers.get(page.viewer)
    if reason is not None or not exclusions.days:
        return reason
    return exclusions.days.get((page.viewer, day_of(page.page)))


def _microseconds(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)
