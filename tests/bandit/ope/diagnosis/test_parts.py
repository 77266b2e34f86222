"""Everything at once: a log that knows all there is to know is told alike, whatever parts it comes in."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit.ope.batch import EMBEDDING_VERSION, Batch, Labels
from bandit.ope.evaluation import Evaluator, Question, evaluate
from bandit.ope.segments import Cutting

DAY = 86_400_000_000
QUESTION = Question(baseline=True, segments=Cutting())


@pytest.fixture
def whole(crowd: Batch) -> Batch:
    """The crowd with times, ids, segments, a baseline and shares that were kept."""
    rng = np.random.default_rng(6)
    return replace(
        crowd,
        at=20_500 * DAY + np.sort(rng.integers(6 * DAY, size=3000)),
        decisions=np.arange(3000, dtype=np.uint64),
        baseline=crowd.propensity,
        kept=rng.choice([0.5, 1.0], size=3000),
        labels={
            "device": Labels(codes=rng.integers(3, size=3000), names=("tv", "phone", "tablet")),
            EMBEDDING_VERSION: Labels(codes=np.zeros(3000, dtype=np.int64), names=("clip",)),
        },
    )


def numbers(value: Any, path: str = "") -> dict[str, float]:
    """Every number of a wire object by its path; what is no number by its text."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: number for name, part in parts for key, number in numbers(part, f"{path}.{name}").items()}
    return {path: float(value)} if isinstance(value, int | float) else {f"{path}={value}": 0.0}


@pytest.mark.parametrize("bounds", [(1000,), (1, 2, 2999), tuple(range(300, 3000, 300))])
def test_parts_are_told_as_the_whole(whole: Batch, bounds: tuple[int, ...]) -> None:
    part_of = np.searchsorted(np.array(bounds), np.arange(3000), side="right")
    evaluators = [Evaluator(QUESTION) for _ in range(len(bounds) + 1)]
    for place, evaluator in enumerate(evaluators):
        evaluator.add(whole.select(part_of == place))
    together = evaluators[0]
    for evaluator in evaluators[1:]:
        together = together + evaluator
    expected = evaluate([whole], QUESTION)
    assert not expected.refused
    assert expected.segments
    assert numbers(together.result().to_json()) == pytest.approx(numbers(expected.to_json()), rel=1e-11, abs=1e-12)
