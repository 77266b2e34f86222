"""The search finds what a made-up truth hides, spends its seeds on the better half, and never recommends no support."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from bandit.errors import InvalidTrial
from bandit.tuning.figures import Figure
from bandit.tuning.playing import Run, Score
from bandit.tuning.search import Search, Tuned, tune
from bandit.tuning.trials import SHIPPED, Trial, grid

GAMMAS = ["1", "2", "3", "4", "5", "6", "7"]
TRIALS = grid({"gamma_scale": GAMMAS})
Truth = Callable[[Run], Score]


class Made:
    """Plays nothing: scores come from a truth, and every run is remembered."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.runs: list[Run] = []

    def __call__(self, runs: Sequence[Run]) -> Iterator[Score]:
        for run in runs:
            self.runs.append(run)
            yield self.truth(run)

    def seeds(self, trial: Trial) -> list[int]:
        return sorted({run.seed for run in self.runs if run.trial == trial})


def score(final_gap: float, *, smallest: float = 0.01) -> Score:
    return Score(final_gap=final_gap, online_gap=final_gap / 2, smallest=smallest, seconds=1.0)


def rising(run: Run) -> Score:
    """The larger gamma the better, 7 a little better than shipped; seeds matter more than settings."""
    gamma = 6.5 if run.trial == SHIPPED else run.trial.settings.gamma_scale
    return score(0.5 + 0.01 * gamma + 0.1 * (run.seed % 3) + 0.001 * (run.seed % 2) * gamma)


def found(play: Callable[[Sequence[Run]], Iterable[Score]], **knobs: object) -> Tuned:
    search = Search(**{"worlds": ("weak", "strong"), "seeds": 8, **knobs})  # type: ignore[arg-type]
    return tune(TRIALS, search, play=play)


def names(tuned: Tuned) -> list[str]:
    return [one.trial.name for one in tuned.tried]


def test_the_best_is_found_and_everything_that_was_tried_is_listed_best_first() -> None:
    tuned = found(Made(rising))
    assert names(tuned) == ["gamma_scale=7", "as shipped", *(f"gamma_scale={gamma}" for gamma in "654321")]
    assert tuned.best is tuned.tried[0]
    assert tuned.clearly_better is tuned.tried[0]
    assert [one.clearly_better for one in tuned.tried] == [True, *[False] * 7]
    assert [one.is_shipped for one in tuned.tried] == [False, True, *[False] * 6]


def test_few_seeds_for_all_and_more_for_the_better_half() -> None:
    made = Made(rising)
    tuned = found(made, first_seed=40)
    seeds = {trial.name: made.seeds(trial) for trial in TRIALS}
    few, more, most = [40, 41], [*range(40, 44)], [*range(40, 48)]
    assert seeds == {"as shipped": most} | {
        f"gamma_scale={gamma}": most if gamma in "67" else more if gamma in "45" else few for gamma in GAMMAS
    }
    assert {one.trial.name: one.seeds for one in tuned.tried} == {name: len(own) for name, own in seeds.items()}
    assert {(run.world, run.decisions, run.rounds) for run in made.runs} == {
        ("weak", 20_000, 10),
        ("strong", 20_000, 10),
    }
    assert len(set(made.runs)) == len(made.runs), "nothing is played twice"


def test_settings_are_compared_on_the_same_seeds() -> None:
    last = found(Made(rising)).tried[-1]
    assert (last.trial.name, last.seeds) == ("gamma_scale=1", 2)
    assert last.ahead.mean == pytest.approx(-0.01 * 5.5 - 0.001 * 5.5 / 2)
    assert last.ahead.error == pytest.approx(0.001 * 5.5 / 2), "the seeds' own difference, .1, is not in it"
    assert last.final_gap.mean == pytest.approx((0.51 + 0.61 + 0.001) / 2)
    assert last.online_gap == pytest.approx(last.final_gap.mean / 2)
    shipped = next(one for one in found(Made(rising)).tried if one.is_shipped)
    assert shipped.ahead == Figure(0.0, 0.0)


def test_the_criterion_is_the_mean_over_worlds_and_clear_means_in_every_one() -> None:
    def split(run: Run) -> Score:
        better = run.trial.settings.gamma_scale == 3.0
        ahead = {"weak": 0.3, "strong": -0.1}[run.world] if better else 0.0
        return score(0.4 + ahead + 0.001 * run.seed)

    best = found(Made(split)).tried[0]
    assert best.trial.name == "gamma_scale=3"
    assert best.ahead.mean == pytest.approx(0.1)
    assert best.ahead.clear
    assert [place.ahead.mean for place in best.worlds.values()] == [pytest.approx(0.3), pytest.approx(-0.1)]
    assert not best.clearly_better
    assert found(Made(split)).clearly_better is None


def test_probabilities_that_are_too_small_are_listed_and_never_recommended() -> None:
    def greedy(run: Run) -> Score:
        gamma = 0.0 if run.trial == SHIPPED else run.trial.settings.gamma_scale
        return score(gamma / 10, smallest=0.0009 if gamma >= 6 and run.seed else 0.002)

    made = Made(greedy)
    tuned = found(made)
    assert tuned.best is not None
    assert tuned.best.trial.name == "gamma_scale=5"
    assert names(tuned)[-2:] == ["gamma_scale=7", "gamma_scale=6"]
    assert "0.0009, below 0.001" in str(tuned.tried[-1].against)
    assert made.seeds(tuned.tried[-1].trial) == [0, 1], "no more seeds are spent on it"
    lenient = found(Made(greedy), least=1e-4).best
    assert lenient is not None
    assert lenient.trial.name == "gamma_scale=7"


def test_nothing_is_recommended_where_nothing_has_support() -> None:
    tuned = found(Made(lambda run: score(0.5, smallest=0.0)))
    assert (tuned.best, tuned.clearly_better) == (None, None)
    assert len(tuned.tried) == len(TRIALS)


def test_one_seed_has_no_error_and_nothing_is_clear() -> None:
    tuned = found(Made(rising), seeds=1)
    assert tuned.tried[0].ahead.error is None
    assert tuned.clearly_better is None


def test_the_shipped_settings_can_be_looked_at_alone() -> None:
    tuned = tune((SHIPPED,), Search(worlds=("rare",)), play=Made(rising))
    assert [one.is_shipped for one in tuned.tried] == [True]


def test_progress_rises_from_0_to_1() -> None:
    told: list[float] = []
    tune(TRIALS, Search(worlds=("weak",), seeds=5), play=Made(rising), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(("seeds", "stages"), [(1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])])
def test_stages_double_the_seeds_until_there_are_enough(seeds: int, stages: list[int]) -> None:
    found = [*Search(worlds=("weak",), seeds=seeds, first_seed=7).stages()]
    assert [len(stage) for stage in found] == stages
    assert [seed for stage in found for seed in stage] == [*range(7, 7 + seeds)]


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"worlds": ()}, "no World is named"),
        ({"worlds": ("weak", "moon")}, "no World is called 'moon'; known: weak, strong"),
        ({"seeds": 0}, "at least one"),
        ({"first_seed": -1}, "from 0 on"),
        ({"decisions": 4, "rounds": 5}, "at least one a round"),
        ({"rounds": 0}, "at least one a round"),
    ],
)
def test_searches_that_cannot_be_are_refused(knobs: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidTrial, match=said):
        found(Made(rising), **knobs)
