"""Successive halving: every trial on a few seeds, the better half on more, and so on. Knows no learner and no process.

Jamieson, Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter optimization", with seeds as
what is spent. All trials of a stage meet the same Worlds and the same chance, so that they are compared in pairs; the
shipped settings are in every stage.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from bandit.errors import InvalidTrial
from bandit.simulator.random_world import WorldShape
from bandit.tuning.figures import Scores, Tried, summed_up
from bandit.tuning.playing import Run, Score
from bandit.tuning.trials import SHIPPED, Trial
from bandit.tuning.worlds import SHAPE, named_world

Player = Callable[[Sequence[Run]], Iterable[Score]]
"""Plays runs, in any number of processes, and gives what came of them in their order."""

LEAST_PROBABILITY = 1e-3
_FIRST_SEEDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """In which Worlds to search, and how long: at most `seeds` of each World, from `first_seed` on.

    A trial that ever states a probability below `least` is never recommended.

    Raises:
        InvalidTrial: no World is named or one is not known, or there are no seeds, or fewer decisions than rounds.
    """

    worlds: tuple[str, ...]
    seeds: int = 3
    first_seed: int = 0
    decisions: int = 20_000
    rounds: int = 10
    least: float = LEAST_PROBABILITY
    shape: WorldShape = SHAPE

    def __post_init__(self) -> None:
        if not self.worlds:
            raise InvalidTrial("no World is named; name one or more to search in")
        for world in self.worlds:
            named_world(world)
        if self.seeds < 1 or self.first_seed < 0:
            raise InvalidTrial(f"{self.seeds} seeds from {self.first_seed} on: give at least one, from 0 on")
        if not 1 <= self.rounds <= self.decisions:
            raise InvalidTrial(f"{self.decisions} decisions in {self.rounds} rounds: give at least one a round")

    def stages(self) -> Iterator[range]:
        """The seeds that each stage adds: two, then as many again as there were, until there are enough."""
        end = self.first_seed + self.seeds
        done, upto = self.first_seed, min(end, self.first_seed + _FIRST_SEEDS)
        while done < end:
            yield range(done, upto)
            done, upto = upto, min(end, 2 * upto - self.first_seed)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found: trials by how far ahead of the shipped settings they are, what has no support last."""

    tried: tuple[Tried, ...]

    @property
    def best(self) -> Tried | None:
        """The best that may be recommended; None where nothing may be."""
        return next((tried for tried in self.tried if tried.against is None), None)

    @property
    def clearly_better(self) -> Tried | None:
        """The best that is ahead of the shipped settings beyond doubt in every World; mostly None."""
        return next((tried for tried in self.tried if tried.clearly_better), None)


def tune(
    trials: Sequence[Trial], search: Search, *, play: Player, progress: Callable[[float], None] | None = None
) -> Tuned:
    """Search among `trials`, as `bandit.tuning.trials.grid` gives them. The same search finds the same.

    `progress` is told the share done.
    """
    trials = [SHIPPED, *(trial for trial in trials if trial.same != SHIPPED.same)]
    scores: dict[Trial, dict[tuple[int, str], Score]] = {trial: {} for trial in trials}
    going_on, stages = trials, [*search.stages()]
    for number, seeds in enumerate(stages):
        runs = _runs(going_on, search, seeds)
        for done, (run, score) in enumerate(zip(runs, play(runs), strict=True), start=1):
            scores[run.trial][run.seed, run.world] = score
            if progress is not None:
                progress((number + done / len(runs)) / len(stages))
        going_on = [SHIPPED, *_better_half(_ranked(going_on[1:], scores, least=search.least))]
    return Tuned(tuple(_ranked(trials, scores, least=search.least)))


def _ranked(trials: Iterable[Trial], scores: Mapping[Trial, Scores], *, least: float) -> list[Tried]:
    """Sum up, best first; equally good ones in their order."""
    tried = [summed_up(trial, scores[trial], shipped=scores[SHIPPED], least=least) for trial in trials]
    return sorted(tried, key=lambda one: (one.against is not None, -one.ahead.mean))


def _runs(trials: Sequence[Trial], search: Search, seeds: range) -> list[Run]:
    """Run after run in the same World, which is made only once then."""
    return [
        Run(
            trial=trial,
            world=world,
            seed=seed,
            decisions=search.decisions,
            rounds=search.rounds,
            shape=search.shape,
        )
        for seed in seeds
        for world in search.worlds
        for trial in trials
    ]


def _better_half(tried: Sequence[Tried]) -> list[Trial]:
    """The trials that go on: the better half, none of which is out already."""
    kept = [one.trial for one in tried if one.against is None]
    return kept[: ceil(len(tried) / 2)]
