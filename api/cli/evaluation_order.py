"""From what a person typed after `keyart evaluate` to what is evaluated: this installation's log, or a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.cli.options import settings_of
from api.errors import BadInput
from api.jobs.assessing import assess_version
from api.jobs.evaluating import Evaluated, OwnOrder
from api.jobs.evaluating_tables import TableOrder, evaluate_table
from api.jobs.judging import artwork_reports
from api.jobs.logs.table import LogTable
from api.jobs.trusted import measure_of
from api.storage.blobs import BlobStore
from api.storage.database import open_engine
from bandit.ope.estimators.catalogue import allowed
from bandit.ope.evaluation import Question
from bandit.ope.models.boosting import Boosting
from bandit.ope.models.model import RewardModel
from bandit.ope.models.ridge import Ridge
from bandit.ope.runner import Runner
from bandit.rewards import reward_definition

_MODELS: dict[str, Callable[[], RewardModel]] = {"ridge": Ridge, "boosting": Boosting}


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
    query: str | None
    reward_range: tuple[float, float] | None
    weight_range: tuple[float, float] | None
    level: float
    reward: str | None
    home: Path | None

    def answered(self, runner: Runner, progress: Callable[[float], None]) -> tuple[dict[str, Any], str]:
        """What was found, as it is printed, and which rows it is of.

        Raises:
            BadInput, BadLog, BanditError: something that was given cannot be taken.
        """
        found, rows = self._of_table(runner, progress) if self.log is not None else self._of_own_log()
        found["diagnostics"]["question"] = {
            "target": self.policy or "target_propensity",
            "baseline": self.baseline,
            "log": "this installation" if self.log is None else self.log.name,
            "level": self.level,
            "reward": self.reward,
        }
        return found, rows

    def _of_table(self, runner: Runner, progress: Callable[[float], None]) -> tuple[dict[str, Any], str]:
        assert self.log is not None
        table = LogTable(
            path=self.log,
            names=dict(_pair(each) for each in self.mapping),
            features=self.features,
            segments=self.segments,
            reward_range=self.reward_range,
            query=self.query,
        )
        order = TableOrder(
            table=table,
            target=self.policy,
            baseline=self.baseline,
            guards=self.guard,
            model=self._model(),
            question=self._question(baseline=self.baseline is not None or "baseline_propensity" in table.names),
        )
        return evaluate_table(order, runner, progress=progress).to_json(), "all"

    def _of_own_log(self) -> tuple[dict[str, Any], str]:
        if self.policy is None:
            raise BadInput("No policy was named.", "Name one with --policy; `keyart learn` makes one.")
        settings = settings_of(self.home)
        engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
        definition = reward_definition(self.reward or settings.reward).key
        measure = measure_of(settings, reward=definition, level=self.level)
        order = OwnOrder(
            target=self.policy,
            baseline=self.baseline,
            guards=self.guard,
            model=self._model(),
            measure=measure,
            question=self._question(baseline=True),
        )
        baits = artwork_reports(engine, settings=settings).baits if order.of_a_version else ()
        return _told(assess_version(engine, blobs, order=order, baits=baits))

    def _model(self) -> RewardModel | None:
        return _MODELS[self.model]() if self.model in _MODELS else None

    def _question(self, *, baseline: bool) -> Question:
        kinds = allowed(predicted=self.model in _MODELS, likeness=False)
        return Question(
            estimators=tuple(kind() for kind in kinds),
            level=self.level,
            baseline=baseline,
            reward_range=self.reward_range,
            weight_range=self.weight_range,
        )


def _told(evaluated: Evaluated) -> tuple[dict[str, Any], str]:
    left_out = f"; {evaluated.skipped:,} rows left out: an artwork has no vector" if evaluated.skipped else ""
    return evaluated.evaluation.to_json(), evaluated.rows + left_out


def _pair(text: str) -> tuple[str, str]:
    canonical, separator, theirs = text.partition("=")
    if not (canonical and separator and theirs):
        raise BadInput(f"--map {text} names no column.", "Write --map canonical=theirs, such as --map reward=clicked.")
    return canonical, theirs
