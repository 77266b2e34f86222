"""The job behind `keyart tune` on the log: train many settings, value all on the same held-out rows, keep the best.

Every trial is learned from the viewers that learning may see and valued on those that it holds out, beside the live
version. With halving, trials are first learned from a part of the viewers and the worse half is dropped, and so on
(Jamieson & Talwalkar 2016, with viewers as what is spent). Whoever looks at many trials finds one that looks good by
luck, so the intervals of all trials, as they are when learned from all viewers, hold at once (Šidák 1967): it does not
matter by what the last stage was picked from them. Those of dropped trials are of less learning and only told. Nothing
is recommended but what is better than the live version at the low end of such an interval.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import Engine

from api.jobs.assessing import keep_evaluation, live_scorer, said_of
from api.jobs.evaluating import Compared, Counted
from api.jobs.learning import LEARNER, Lesson, LessonRows, VisibleRows, keep_version, prepare_lesson
from api.jobs.own_log import Scorer
from api.jobs.trusted import measure_of
from api.settings import Settings
from api.storage.audit_log import By
from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.policies import live_version
from bandit.canary import in_canary
from bandit.decision import PolicyVersionId, Reason, RewardedDecision
from bandit.errors import InvalidTrial
from bandit.harvest import is_held_out
from bandit.learning import LearnedModel
from bandit.ope.evaluation import Evaluation, Evaluator, Question
from bandit.ope.intervals.simultaneous import level_of_each
from bandit.ope.scoring import Pictures, Shelf
from bandit.policies.policy import Policy
from bandit.registry import load_policy
from bandit.tuning.trials import Trial

ESTIMATOR = "snips"
_AT_ONCE = 8192
_SALT = "tune"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSearch:
    """What is tried. `halving`: learn from a part of the viewers first, and drop the worse half of the trials.

    `level`: that of all last intervals together. Raises InvalidTrial where nothing is to be tried.
    """

    trials: Sequence[Trial]
    halving: bool = True
    level: float = 0.95

    def __post_init__(self) -> None:
        if not self.trials:
            raise InvalidTrial("there is nothing to try: give values, such as --set epsilon=0.01,0.02")

    @property
    def shares(self) -> tuple[float, ...]:
        """The part of the viewers that each stage learns from."""
        few = 3 if self.halving else len(self.trials) + 1
        return (1.0,) if len(self.trials) < few else (0.5, 1.0) if len(self.trials) < 2 * few else (0.25, 0.5, 1.0)

    @property
    def level_of_each(self) -> float:
        """The level of one interval for those of all trials, none dropped, to hold at once."""
        return level_of_each(len(self.trials), level=self.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A trial, the part of the viewers that it was last learned from, and what the held-out rows say of it."""

    trial: Trial
    share: float
    compared: Compared
    learned: LearnedModel

    @property
    def evaluation(self) -> Evaluation:
        """Its own, on the held-out rows."""
        return self.compared.own.evaluation

    @property
    def gain(self) -> tuple[float, float, float] | None:
        """(difference, low, high) to the live version on the same rows; None where one of the two was refused."""
        difference = self.evaluation.difference(ESTIMATOR)
        if difference is None or self.compared.baseline.evaluation.refused:
            return None
        return difference.value, difference.interval.low, difference.interval.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """All trials, the most promising first, and the version that was kept, if one is better than `live` for sure."""

    live: PolicyVersionId
    found: tuple[Found, ...]
    kept: PolicyVersionId | None


def search_log(
    engine: Engine,
    blobs: BlobStore,
    *,
    settings: Settings,
    search: LogSearch,
    by: By = LEARNER,
    progress: Callable[[float], None] | None = None,
) -> Searched:
    """Search, and keep the version that is recommended, as a candidate with its evaluation.

    Raises:
        Conflict: no image was embedded yet, or the live version cannot be loaded.
        EmptyLog, InvalidExample, LearningFailed: see `bandit.learning.learn`; nothing was kept.
    """
    lesson = prepare_lesson(engine, blobs, settings=settings)
    with reading(engine) as connection:
        live = live_version(connection)
    contest = _Contest(lesson, live_scorer(engine, blobs, live), search, progress or (lambda _: None))
    found = contest.held()
    best = found[0]
    kept = None
    if best.gain is not None and best.gain[1] > 0.0:
        keep_version(engine, blobs, best.learned, by=by)
        kept = best.learned.manifest.version
        measure = replace(measure_of(settings, reward=lesson.config.reward), level=search.level)
        keep_evaluation(engine, said_of(best.compared, version=kept, live=live, measure=measure))
    return Searched(live=live, found=found, kept=kept)


class _Contest:
    """The stages of a search, one after the other."""

    def __init__(self, lesson: Lesson, live: Scorer, search: LogSearch, progress: Callable[[float], None]) -> None:
        self._lesson, self._live, self._search, self._progress = lesson, live, search, progress
        self._done, self._steps = 0, sum(max(1, len(search.trials) >> place) for place in range(len(search.shares)))

    def held(self) -> tuple[Found, ...]:
        """All trials: those that reached the last stage first, and within a stage the best low end first."""
        remaining, dropped = [*self._search.trials], list[Found]()
        for share in self._search.shares:
            found = sorted(self._stage(remaining, share), key=_promise, reverse=True)
            if share == 1.0:
                return (*found, *reversed(dropped))
            half = max(1, len(found) // 2)
            dropped += reversed(found[half:])
            remaining = [each.trial for each in found[:half]]
        raise AssertionError("the last stage learns from all viewers")

    def _stage(self, trials: Sequence[Trial], share: float) -> list[Found]:
        learned = [self._learned(trial, share) for trial in trials]
        compared = self._compared([load_policy(each.bundle, each.manifest.digest) for each in learned])
        return [
            Found(trial=trial, share=share, compared=each, learned=model)
            for trial, each, model in zip(trials, compared, learned, strict=True)
        ]

    def _learned(self, trial: Trial, share: float) -> LearnedModel:
        config = replace(self._lesson.config, settings=trial.settings, spec=trial.spec)
        rows = self._lesson.rows()
        if share < 1.0:
            some = (row for row in rows.visible if in_canary(row.page.viewer, share=share, salt=_SALT))
            rows = LessonRows(VisibleRows(some, None), rows.trusted)
        model = replace(self._lesson, config=config).learn(rows)
        self._done += 1
        self._progress(self._done / self._steps)
        return model

    def _compared(self, policies: Sequence[Policy]) -> list[Compared]:
        """Value the policies and the live one on the held-out rows, in one pass over the log."""
        asked = Question(level=self._search.level_of_each, baseline=True)
        counting = [Counted(Evaluator(asked)) for _ in policies]
        of_live = Counted(Evaluator(replace(asked, baseline=False)))
        shelves = [Shelf(policy, Pictures(images=self._lesson.pictures)) for policy in policies]
        for part in _chunks(self._held_out()):
            [live] = self._live.batches(part)
            of_live.add(live)
            for shelf, counted in zip(shelves, counting, strict=True):
                counted.add(shelf.before(live, part))
        beside_it = of_live.evaluated("", skipped=0)
        return [Compared(counted.evaluated("", skipped=0), beside_it) for counted in counting]

    def _held_out(self) -> Iterable[RewardedDecision]:
        holdout = self._lesson.config.holdout
        rows = self._lesson.rows().visible
        return VisibleRows((row for row in rows if is_held_out(row.page.viewer, holdout)), self._live.pictures)


def _chunks(rows: Iterable[RewardedDecision]) -> Iterator[list[RewardedDecision]]:
    remaining = (row for row in rows if row.decision.reason is Reason.POLICY)
    while part := list(islice(remaining, _AT_ONCE)):
        yield part


def _promise(found: Found) -> tuple[bool, float]:
    gain = found.gain
    return (False, 0.0) if gain is None else (True, gain[1])
