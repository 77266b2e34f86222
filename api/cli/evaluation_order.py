"""From what a person typed after `keyart evaluate` to what is evaluated: this installation's log, or a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.errors import BadInput
from api.jobs.evaluating_tables import TableOrder, evaluate_table
from api.jobs.logs.table import LogTable
from bandit.ope.evaluation import Evaluation, Question
from bandit.ope.models.model import RewardModel
from bandit.ope.runner import Runner


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command; docs/evaluation.md says what each means."""

    policy: str | None
    log: Path | None
    mapping: tuple[str, ...]
    baseline: str | None
    guard: Path | None
    model: str
    features: tuple[str, ...]
    segments: tuple[str, ...]
    pages: bool
    query: str | None
    reward_range: tuple[float, float] | None
    weight_range: tuple[float, float] | None
    level: float
    reward: str | None
    home: Path | None

    def said_of(self, log: Path) -> dict[str, Any]:
        """What was asked of a table, as the answer repeats it."""
        return {
            "target": self.policy or "target_propensity",
            "baseline": self.baseline,
            "log": log.name,
            "level": self.level,
            "reward": self.reward,
        }

    def of_table(self, log: Path, runner: Runner, progress: Callable[[float], None]) -> Evaluation:
        """What a table says.

        Raises:
            BadInput, BadLog, BanditError: something that was given cannot be taken.
        """
        table = LogTable(
            path=log,
            names=dict(pair_of(each) for each in self.mapping),
            features=self.features,
            segments=self.segments,
            reward_range=self.reward_range,
            query=self.query,
        )
        order = TableOrder(
            table=table,
            target=self.policy,
            baseline=_no_column(self.baseline),
            guards=self.guard,
            model=self.reward_model(),
            question=self.question(),
        )
        return evaluate_table(order, runner, progress=progress)

    def reward_model(self) -> RewardModel | None:
        """What predicts rewards, if anything shall."""
        if self.model == "none":
            return None
        from bandit.ope.models.boosting import Boosting  # scikit-learn takes seconds to load
        from bandit.ope.models.ridge import Ridge
        from bandit.ope.models.vowpal import VowpalRewards

        models: dict[str, Callable[[], RewardModel]] = {"ridge": Ridge, "boosting": Boosting, "vowpal": VowpalRewards}
        return models[self.model]()

    def question(self) -> Question:
        """What is asked of the rows, but for what only the log can tell."""
        return Question(
            level=self.level, reward_range=self.reward_range, weight_range=self.weight_range, pages=self.pages
        )


def _no_column(baseline: str | None) -> str | None:
    """The same, unless it names a column: the columns of a baseline are read wherever a log has them."""
    if baseline is not None and baseline.startswith(("target_", "baseline_")):
        remedy = "Leave it out and give the column baseline_propensity, or --map baseline_propensity=COLUMN."
        raise BadInput(f"--baseline {baseline} names no policy but a column.", remedy)
    return baseline


def pair_of(text: str) -> tuple[str, str]:
    """A `canonical=theirs` as a pair.

    Raises:
        BadInput: it names no column.
    """
    canonical, separator, theirs = text.partition("=")
    if not (canonical and separator and theirs):
        raise BadInput(f"--map {text} names no column.", "Write --map canonical=theirs, such as --map reward=clicked.")
    return canonical, theirs
