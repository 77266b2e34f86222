"""The Open Bandit Dataset as it is published: folders by policy and campaign (Saito et al. 2021). Knows no target.

Each campaign is a title whose items are its artworks; a row says with which probability its item was drawn for its
position, not those of the other items. The data knows no viewers.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from api.jobs.logs.arrays import as_floats
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.csv_files import CsvSource, csv_sources
from bandit.ope.batch import Integers

ITEMS = "item_context.csv"
"""The file beside each log that lists its items; where one lies in a folder, the folder is such a dataset."""

_OWN = {"at": "timestamp", "artwork": "item_id", "reward": "click", "propensity": "propensity_score"}
_POSITION = "position"


@dataclass(frozen=True, slots=True)
class OpenBanditSource:
    """One policy's log of one campaign, whose columns get canonical names; others keep theirs."""

    file: CsvSource
    items: tuple[str, ...]
    policy: str
    campaign: str
    rows: int | None

    @property
    def present(self) -> tuple[str, ...]:
        """See `Source.present`."""
        own = set(_OWN.values())
        rest = (name for name in self.file.present if name and name not in own and name != _POSITION)
        return (*_OWN, _POSITION, "title", "logged_policy", "artworks", *rest)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """See `Source.batches`."""
        made = ("title", "logged_policy", "artworks")
        read = [_OWN.get(name, name) for name in columns if name not in made]
        for batch in self.file.batches(read):
            arrays = {name: batch.column(_OWN.get(name, name)) for name in columns if name not in made}
            if _POSITION in arrays:  # counted from 1 there
                arrays[_POSITION] = pa.array(as_floats(arrays[_POSITION], _no_position) - 1.0)
            arrays |= self._made(batch.num_rows)
            yield pa.record_batch({name: arrays[name] for name in columns})

    def _made(self, rows: int) -> dict[str, pa.Array]:
        count = len(self.items)
        entries = pa.array(np.tile(np.arange(count, dtype=np.int32), rows))
        known = pa.DictionaryArray.from_arrays(entries, pa.array(self.items, pa.large_string()))
        return {
            "title": pa.repeat(self.campaign, rows),
            "logged_policy": pa.repeat(self.policy, rows),
            "artworks": pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * count), known),
        }


def open_bandit_sources(folder: Path) -> list[OpenBanditSource]:
    """A source for each policy and campaign in a folder, or in folders in it.

    Raises:
        BadLog: a log is missing beside its items, or one of the files cannot be read.
    """
    found = [_source(items) for items in sorted(folder.rglob(ITEMS))]
    return [*(_counted(each) for each in found[:-1]), *found[-1:]]


def _source(items: Path) -> OpenBanditSource:
    campaign = items.parent.resolve()
    logs = [path for path in sorted(items.parent.glob("*.csv")) if path.name != ITEMS]
    if len(logs) != 1:
        remedy = f"Keep one log beside each {ITEMS}, as the dataset is published."
        raise BadLog(f"{items.parent} holds {len(logs)} logs.", remedy, reason="no_such_log")
    [listed] = csv_sources([items])
    ids = [str(each) for batch in listed.batches(["item_id"]) for each in batch.column("item_id").to_pylist()]
    [log] = csv_sources(logs)
    return OpenBanditSource(log, tuple(ids), campaign.parent.name, campaign.name, None)


def _no_position(places: Integers) -> BadLog:
    remedy = "Correct the log, as the dataset is published."
    return BadLog(f"{_POSITION} holds no number, such as line {places[0]}.", remedy, reason="wrong_type")


def _counted(source: OpenBanditSource) -> OpenBanditSource:
    rows = sum(batch.num_rows for batch in source.file.batches([_OWN["reward"]]))
    return OpenBanditSource(source.file, source.items, source.policy, source.campaign, rows)
