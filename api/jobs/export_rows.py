"""Pages of the log as columns of Parquet, one row a decision. Knows no file and no database.

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

from api.jobs.export_schema import MOMENT, REWARD_COLUMNS, SCHEMA
from api.storage.exclusions import Exclusions
from api.storage.log_days import day_of
from api.storage.rewards import RewardsBody, StoredRewards, decode_rewards
from bandit.context import RequestContext
from bandit.decision import PageId, Reason, Rung
from bandit.rewards import REWARDS
from bandit.valuing import SlotState
from foundation.events import ViewerId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    policy_digest: str
    embedding_version: str
    foundation_version: str | None
    viewer_vector: bytes | None
    salt: str
    window: int
    slots: tuple[ExportSlot, ...]
    diversity: float = 0.0
    intent_vector: bytes | None = None
    intent_version: str | None = None
    rung: Rung = Rung.LIVE
    kept: float = 1.0
    cell: str | None = None


@dataclass
class RowMaker:
    """Makes tables of `SCHEMA`; `reward` is the definition of the column `reward`.

    Decisions that nobody saw have a row only with `unseen`, and no reward in it (C4).
    """

    reward: str
    exclusions: Exclusions
    unseen: bool = False
    _decode: Any = field(default_factory=lambda: msgspec.msgpack.Decoder(ExportPage).decode, init=False)

    def table(self, stored: Iterable[StoredRewards]) -> pa.Table:
        """Return the rows of some pages; those without a reward under this definition are left out."""
        pages: list[tuple[ExportPage, RewardsBody, bool]] = []
        for body, rewards, final in stored:
            known = decode_rewards(rewards)
            if self.reward in known.definitions:
                pages.append((self._decode(body), known, final))
        wanted = [self._wanted(known) for _, known, _ in pages]
        places = np.repeat(np.arange(len(pages)), [len(each) for each in wanted])
        slots = [page.slots[slot] for (page, _, _), own in zip(pages, wanted, strict=True) for slot in own]
        columns = {
            **_page_columns(pages, places, self.exclusions),
            **_slot_columns(slots),
            **self._reward_columns([known for _, known, _ in pages], wanted),
            "decision": pa.array(
                [f"{page.page}-{slot:02d}" for (page, _, _), own in zip(pages, wanted, strict=True) for slot in own],
                pa.string(),
            ),
        }
        return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)

    def _wanted(self, known: RewardsBody) -> list[int]:
        """The slots of a page that have a row."""
        states = np.frombuffer(known.states, np.int8)
        return list(range(len(states))) if self.unseen else np.flatnonzero(states).tolist()

    def _reward_columns(self, pages: Sequence[RewardsBody], wanted: Sequence[list[int]]) -> dict[str, pa.Array]:
        """The rewards of the slots that have a row.

        0 where they were seen and not played, null where nobody saw them, and under a definition not known.
        """
        wide = [_rewards(known)[own] for known, own in zip(pages, wanted, strict=True)]
        values = np.concatenate(wide) if wide else np.empty((0, len(REWARDS)))
        columns = {
            column: pa.array(values[:, place], mask=np.isnan(values[:, place]))
            for place, column in enumerate(REWARD_COLUMNS.values())
        }
        own = columns[REWARD_COLUMNS[self.reward]]
        named = pa.repeat(self.reward, len(values))
        return {**columns, "reward": own, "reward_definition": named, "seen": own.is_valid()}


def _rewards(known: RewardsBody) -> NDArray[np.float64]:
    """Shape (slots, definitions of today); NaN for what was not seen, or valued before there was a definition."""
    states = np.frombuffer(known.states, np.int8)
    found = np.full((len(states), len(REWARDS)), np.nan)
    matrix, played, seen = known.matrix(), states == SlotState.REWARDED, states != SlotState.UNSEEN
    for place, definition in enumerate(REWARDS):
        if definition in known.definitions:
            found[seen, place] = 0.0
            found[played, place] = matrix[:, known.definitions.index(definition)]
    return found


def _page_columns(
    pages: Sequence[tuple[ExportPage, RewardsBody, bool]], places: NDArray[np.int64], exclusions: Exclusions
) -> dict[str, pa.Array]:
    """What all slots of a page have in common."""
    own = [page for page, _, _ in pages]
    asked = [page.request for page in own]
    columns = {
        "at": pa.array([_microseconds(page.at) for page in own], pa.int64()).cast(MOMENT),
        "shown_at": pa.array([_microseconds(each.at) for each in asked], pa.int64()).cast(MOMENT),
        "viewer": pa.array([page.viewer for page in own], pa.string()),
        "rung": pa.array([page.rung.value for page in own], pa.string()),
        "kept": pa.array([page.kept for page in own], pa.float64()),
        "cell": pa.array([page.cell for page in own], pa.string()),
        "diversity": pa.array([page.diversity for page in own], pa.float64()),
        "logged_policy": pa.array([page.policy for page in own], pa.string()),
        "policy_digest": pa.array([page.policy_digest for page in own], pa.string()),
        "draw_salt": pa.array([page.salt for page in own], pa.string()),
        "draw_window": pa.array([page.window for page in own], pa.int64()),
        "viewer_vector": _vectors([page.viewer_vector for page in own]),
        "intent_version": pa.array([page.intent_version for page in own], pa.string()),
        "intent_vector": _vectors([page.intent_vector for page in own]),
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


def _vectors(packed: Sequence[bytes | None]) -> pa.Array:
    """Vectors as the log keeps them, little-endian float32, as lists; empty where a page has none."""
    known = [each or b"" for each in packed]
    offsets = np.concatenate([[0], np.cumsum([len(each) // 4 for each in known], dtype=np.int64)])
    flat = pa.array(np.frombuffer(b"".join(known), dtype="<f4"))
    missing = pa.array([each is None for each in packed], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat, mask=missing)


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
