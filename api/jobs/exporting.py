"""The job that writes the rewarded log as Parquet, one file a day: for analysts, and for `keyart evaluate --log`."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine

from api.storage.pages import decided_at
from api.storage.rewards import valued_decisions
from bandit.rewards import QUALITY_PLAY, REWARDS, ValuedDecision

REWARD_COLUMNS = {definition: f"reward_{definition.replace('/', '_')}" for definition in REWARDS}
"""Where each definition's reward stands; empty in rows that were valued before there was this definition."""

SCHEMA = pa.schema(
    [
        pa.field("decision", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("viewer", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("device", pa.string()),
        pa.field("row", pa.string()),
        pa.field("canvas", pa.string()),
        pa.field("locale", pa.string()),
        pa.field("artworks", pa.list_(pa.string()), nullable=False),
        pa.field("images", pa.list_(pa.string()), nullable=False),
        pa.field("probabilities", pa.list_(pa.float64()), nullable=False),
        pa.field("artwork", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("logged_policy", pa.string(), nullable=False),
        pa.field("embedding_version", pa.string(), nullable=False),
        pa.field("foundation_version", pa.string()),
        pa.field("reward", pa.float64(), nullable=False),
        pa.field("reward_definition", pa.string(), nullable=False),
        *(pa.field(column, pa.float64()) for column in REWARD_COLUMNS.values()),
    ]
)
ROWS_A_GROUP = 20_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: files in the order of days, and the rows in all of them."""

    files: tuple[Path, ...]
    rows: int


def export_log(engine: Engine, folder: Path, *, reward: str = QUALITY_PLAY) -> Exported:
    """Write every decision with a final `reward` into `folder`/day=YYYY-MM-DD.parquet.

    Each file appears whole or not at all. A day is that of the page's id, which is the order of the rows.

    Raises:
        StorageUnavailable: the log cannot be read; the files written so far are whole.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    decisions = valued_decisions(engine, definition=reward)
    files: list[Path] = []
    rows = 0
    for day, own in groupby(decisions, key=lambda row: decided_at(row.page.page).date()):
        path = folder / f"day={day}.parquet"
        rows += _write_day(path, own, reward=reward)
        files.append(path)
    return Exported(tuple(files), rows)


def _write_day(path: Path, decisions: Iterable[ValuedDecision], *, reward: str) -> int:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    rows = 0
    try:
        with pq.ParquetWriter(draft, SCHEMA) as writer:
            group: list[dict[str, Any]] = []
            for decision in decisions:
                group.append(_row(decision, reward))
                if len(group) == ROWS_A_GROUP:
                    rows += _write_group(writer, group)
                    group = []
            rows += _write_group(writer, group)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _write_group(writer: pq.ParquetWriter, group: list[dict[str, Any]]) -> int:
    if group:
        writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))
    return len(group)


def _row(decision: ValuedDecision, reward: str) -> dict[str, Any]:
    page, slot = decision.page, decision.decision
    return {
        "decision": f"{page.page}-{decision.slot:02d}",
        "at": page.at,
        "viewer": page.viewer,
        "title": slot.title,
        "position": slot.position,
        "score": slot.score,
        "device": page.request.device,
        "row": page.request.row,
        "canvas": page.request.canvas,
        "locale": page.request.locale,
        "artworks": list(slot.artworks),
        "images": list(slot.images),
        "probabilities": list(slot.probabilities),
        "artwork": slot.artwork,
        "propensity": slot.probability,
        "reason": slot.reason.value,
        "logged_policy": page.policy,
        "embedding_version": page.embedding_version,
        "foundation_version": page.foundation_version,
        "reward": decision.values[reward],
        "reward_definition": reward,
        **{column: decision.values.get(definition) for definition, column in REWARD_COLUMNS.items()},
    }
