"""A log evaluated in parts gives the same numbers in one process, in four, on Ray, and in one pass without parts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from api.jobs.runners.pool import process_pool
from api.jobs.runners.ray_runner import ray_runner
from bandit.ope.batch import Batch, Eligible
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import Question, evaluate
from bandit.ope.parts import evaluate_parts
from bandit.ope.runner import Serial

PARTS, ROWS, ARTWORKS = range(6), 700, 5
QUESTION = Question(estimators=(IPS(), SNIPS()), baseline=True)


def batches_of(part: int) -> Iterator[Batch]:
    """Rows of one part in two batches; viewers come back in other parts."""
    rng = np.random.default_rng(part)
    for _ in range(2):
        logged, target, baseline = (rng.dirichlet(np.full(ARTWORKS, 3.0), size=ROWS) * 0.9 + 0.02 for _ in range(3))
        starts = np.arange(0, ROWS * ARTWORKS + 1, ARTWORKS)
        drawn = (rng.random((ROWS, 1)) > logged.cumsum(axis=1)).sum(axis=1)
        logged, target, baseline, chosen = logged.ravel(), target.ravel(), baseline.ravel(), starts[:-1] + drawn
        yield Batch(
            propensity=logged[chosen],
            target=target[chosen],
            reward=rng.binomial(1, 0.3, size=ROWS).astype(np.float64),
            viewers=rng.integers(900, size=ROWS).astype(np.uint64),
            eligible=Eligible(
                starts=starts,
                chosen=chosen,
                artworks=np.tile(np.arange(ARTWORKS), ROWS),
                names=tuple("abcde"),
                logged=logged,
                target=target,
                baseline=baseline,
            ),
            baseline=baseline[chosen],
        )


def numbers(told: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, word and nothing of an object, with where it stands."""
    if isinstance(told, dict | list | tuple):
        for name, each in told.items() if isinstance(told, dict) else enumerate(told):
            yield from numbers(each, f"{at}/{name}")
    else:
        yield at, told


def test_four_processes_give_what_one_gives_and_what_one_pass_gives() -> None:
    alone = evaluate_parts(PARTS, batches_of, question=QUESTION, runner=Serial()).to_json()
    with process_pool(4) as pool:
        assert evaluate_parts(PARTS, batches_of, question=QUESTION, runner=pool).to_json() == alone
    in_one_pass = evaluate((batch for part in PARTS for batch in batches_of(part)), QUESTION)
    assert not in_one_pass.refused
    whole = dict(numbers(in_one_pass.to_json()))
    for at, told in numbers(alone):
        assert told == (pytest.approx(whole[at], rel=1e-12) if isinstance(told, float) else whole[at]), at


@pytest.mark.slow
def test_ray_gives_what_one_process_gives() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'keyart[ray]'")
    alone = evaluate_parts(PARTS, batches_of, question=QUESTION, runner=Serial()).to_json()
    with ray_runner(cores=2) as ray:
        assert evaluate_parts(PARTS, batches_of, question=QUESTION, runner=ray).to_json() == alone
