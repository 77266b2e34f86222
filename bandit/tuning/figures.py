"""What a trial came to over several seeds, beside the shipped settings on the same seeds. Knows no search."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bandit.tuning.playing import Score
from bandit.tuning.trials import SHIPPED, Trial

Scores = Mapping[tuple[int, str], Score]
"""A trial's scores by seed and World; it has been in all Worlds of every seed."""

_CLEAR = 2.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over seeds and its standard error, None with one seed only."""

    mean: float
    error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """The figure of one value a seed."""
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
        return cls(statistics.fmean(values), error)

    @property
    def clear(self) -> bool:
        """Whether it is above 0 by more than two standard errors."""
        return self.error is not None and self.mean > _CLEAR * self.error


@dataclass(frozen=True, slots=True)
class Place:
    """A trial in one World: the share of the gap that its last policy went, and that minus the shipped settings'."""

    final_gap: Figure
    ahead: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a trial came to. Shares are means over Worlds, their errors over seeds.

    `ahead` is the difference of its final share to that of the shipped settings on the same seeds, `smallest` the
    smallest probability that it ever stated, `seconds` the processor time of one run. `against` says why it is never
    to be recommended.
    """

    trial: Trial
    seeds: int
    final_gap: Figure
    ahead: Figure
    online_gap: float
    smallest: float
    worlds: Mapping[str, Place]
    against: str | None
    seconds: float = field(compare=False)

    @property
    def is_shipped(self) -> bool:
        """Whether these are the shipped settings."""
        return self.trial.same == SHIPPED.same

    @property
    def clearly_better(self) -> bool:
        """Whether it is ahead of the shipped settings in every World by more than two standard errors."""
        return self.against is None and all(place.ahead.clear for place in self.worlds.values())


def summed_up(trial: Trial, scores: Scores, *, shipped: Scores, least: float) -> Tried:
    """Sum up the scores of a trial, beside those of the shipped settings, which have been on all of its seeds.

    Under `least` a probability is too small: other policies could hardly be valued on such a log.
    """
    smallest = min(score.smallest for score in scores.values())
    worlds = dict.fromkeys(world for _, world in scores)
    return Tried(
        trial=trial,
        seeds=len({seed for seed, _ in scores}),
        final_gap=Figure.of(_by_seed({key: score.final_gap for key, score in scores.items()})),
        ahead=Figure.of(_by_seed(_ahead(scores, shipped))),
        online_gap=statistics.fmean(score.online_gap for score in scores.values()),
        smallest=smallest,
        worlds={world: _place(world, scores, shipped) for world in worlds},
        against=None if smallest >= least else f"states probabilities of {smallest:.2g}, below {least:g}",
        seconds=statistics.fmean(score.seconds for score in scores.values()),
    )


def _place(world: str, scores: Scores, shipped: Scores) -> Place:
    own = {key: score for key, score in scores.items() if key[1] == world}
    final = [score.final_gap for score in own.values()]
    return Place(Figure.of(final), Figure.of([*_ahead(own, shipped).values()]))


def _ahead(scores: Scores, shipped: Scores) -> dict[tuple[int, str], float]:
    return {key: score.final_gap - shipped[key].final_gap for key, score in scores.items()}


def _by_seed(values: Mapping[tuple[int, str], float]) -> list[float]:
    """Means over Worlds, one a seed: Worlds of one seed have much in common, so only seeds tell how sure a mean is."""
    seeds = dict.fromkeys(seed for seed, _ in values)
    return [statistics.fmean(value for (seed, _), value in values.items() if seed == one) for one in seeds]
