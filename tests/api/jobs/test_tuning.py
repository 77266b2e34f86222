"""Worlds are played in processes of one thread: however many there are, the same comes of it."""

import os

import pytest

from api.errors import Unavailable
from api.jobs.tuning import players
from bandit.simulator.random_world import WorldShape
from bandit.tuning.playing import Run, play_run
from bandit.tuning.search import Search, tune
from bandit.tuning.trials import SHIPPED, grid

SHAPE = WorldShape(viewers=100, titles=6, artworks=6, traits=4)
SEARCH = Search(worlds=("strong", "moving"), seeds=1, decisions=120, rounds=1, shape=SHAPE)


class Deadly(int):
    """A number of decisions that ends the process that is told it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (9,)


def test_any_number_of_jobs_finds_the_same() -> None:
    trials = grid({"own_term": ["true", "false"]})
    alone = tune(trials, SEARCH, play=lambda runs: map(play_run, runs))
    with players(2) as play:
        assert tune(trials, SEARCH, play=play) == alone


def test_processes_have_one_thread_and_what_was_set_here_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with players(1):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("1", "1")
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_process_that_dies_is_told_with_the_remedy() -> None:
    run = Run(trial=SHIPPED, world="weak", seed=0, decisions=Deadly(1), shape=SHAPE)
    with pytest.raises(Unavailable, match="fewer --jobs"), players(1) as play:
        list(play([run]))
