"""What the demo finds: what the World knows to be true, what the log foretold, what was then observed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from api.demo.traffic import Play
from api.security import Keys
from api.storage.pages import read_pages
from api.storage.rewards import rewarded_decisions
from artwork.catalog import TitleId
from bandit.decision import PageId, Slot
from bandit.rewards import QUALITY_PLAY

RESULT_FILE = "result.json"
COLUMNS = ("seed", "decisions", "uniform true", "uniform observed", "learned true", "predicted (95 %)", "observed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One seed's row. Values are mean quality play a decision; `predicted` is SNIPS from the uniform log, with its
    95 % interval clustered by viewer."""

    seed: int
    decisions: int
    uniform_true: float
    learned_true: float
    predicted: float
    predicted_low: float
    predicted_high: float
    observed: float
    uniform_observed: float
    policy: str
    seconds: float

    @property
    def covered(self) -> bool:
        """Whether the interval holds the learned policy's true value."""
        return self.predicted_low <= self.learned_true <= self.predicted_high

    @property
    def beaten(self) -> bool:
        """Whether the learned policy earned more online than the uniform one did."""
        return self.observed > self.uniform_observed


@dataclass(frozen=True, slots=True)
class Truth:
    """Exact expected quality play a decision, over the pages of one season."""

    uniform: float
    stated: float


def true_values(play: Play, engine: Engine, keys: Keys, *, since: PageId | None) -> Truth:
    """Value the probabilities that were stated for the pages after `since`, and uniform ones, by the World's truth."""
    viewers = {keys.pseudonym(viewer): index for index, viewer in enumerate(play.audience.viewers)}
    titles = {showing.title.title: index for index, showing in enumerate(play.programme)}
    rows: list[tuple[int, int, NDArray[np.float64]]] = []
    for page in read_pages(engine, since=since):
        rows += [(viewers[page.viewer], titles[slot.title], _in_columns(play, titles, slot)) for slot in page.slots]
    who, what = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    world = play.world
    level = world.eligible(what) / world.counts[what, None]
    return Truth(
        uniform=world.policy_value(who, what, probabilities=level),
        stated=world.policy_value(who, what, probabilities=np.array([row[2] for row in rows])),
    )


def observed_value(engine: Engine, *, since: PageId | None, until: PageId | None) -> float:
    """The mean reward of the decisions that were seen on the pages `since` < id ≤ `until`."""
    rewards = [row.reward for row in rewarded_decisions(engine, definition=QUALITY_PLAY, since=since, until=until)]
    return float(np.mean(rewards))


def write_result(result: Result, home: Path) -> None:
    """Keep the row as `result.json`."""
    (home / RESULT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(asdict(result)), indent=2) + b"\n")


def print_results(results: Sequence[Result], console: Console) -> None:
    """Print one row a seed."""
    wide = console if console.is_terminal else Console(width=120)
    table = Table(title="Mean quality play a decision (simulated viewers, real components)")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for one in results:
        predicted = f"{one.predicted:.4f} [{one.predicted_low:.4f}, {one.predicted_high:.4f}]"
        table.add_row(
            str(one.seed),
            f"{one.decisions:,}",
            f"{one.uniform_true:.4f}",
            f"{one.uniform_observed:.4f}",
            f"{one.learned_true:.4f}",
            predicted + ("" if one.covered else " (misses)"),
            f"{one.observed:.4f}",
        )
    wide.print(table)


def _in_columns(play: Play, titles: Mapping[TitleId, int], slot: Slot) -> NDArray[np.float64]:
    columns = list(play.programme[titles[slot.title]].scenes)
    stated = np.zeros(play.world.artwork_count)
    for artwork, probability in zip(slot.artworks, slot.probabilities, strict=True):
        stated[columns.index(artwork)] = probability
    return stated
