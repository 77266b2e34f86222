"""A log evaluated in parts gives the same numbers in one process, in four, on Ray, and in one pass without parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.jobs.evaluating_tables import TableOrder, evaluate_table
from api.jobs.logs import parquet
from api.jobs.logs.table import LogTable
from api.jobs.runners.pool import process_pool
from api.jobs.runners.ray_runner import ray_runner
from bandit.ope.evaluation import Question
from bandit.ope.models.ridge import Ridge, RidgeSettings
from bandit.ope.runner import Runner

ROWS, ARTWORKS, PARTS = 6_000, 5, 6


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableOrder:
    """Every estimator, a baseline, segments and a reward model, on a log that is cut into parts."""
    monkeypatch.setattr(parquet, "PART_ROWS", ROWS // PARTS)
    pq.write_table(log(), tmp_path / "log.parquet", row_group_size=ROWS // PARTS)
    table = LogTable(path=tmp_path / "log.parquet", features=("hour",), segments=("device",))
    model = Ridge(settings=RidgeSettings(width=32))
    return TableOrder(table=table, baseline="uniform", model=model, question=Question())


def log() -> pa.Table:
    """Viewers come back in every part; the log tells whose probabilities the target has."""
    rng = np.random.default_rng(3)
    logged, target = (0.9 * rng.dirichlet(np.full(ARTWORKS, 3.0), size=ROWS) + 0.02 for _ in range(2))
    drawn = np.minimum((rng.random((ROWS, 1)) > logged.cumsum(axis=1)).sum(axis=1), ARTWORKS - 1)
    return pa.table(
        {
            "viewer": [f"viewer-{viewer}" for viewer in rng.integers(900, size=ROWS)],
            "artwork": [f"a{artwork}" for artwork in drawn],
            "artworks": [[f"a{artwork}" for artwork in range(ARTWORKS)]] * ROWS,
            "propensity": logged[np.arange(ROWS), drawn],
            "probabilities": logged.tolist(),
            "target_probabilities": target.tolist(),
            "reward": rng.binomial(1, 0.1 + 0.1 * drawn).astype(np.float64),
            "hour": rng.uniform(0.0, 24.0, size=ROWS),
            "device": [("tv", "phone")[device] for device in rng.integers(2, size=ROWS)],
        }
    )


def told(order: TableOrder, runner: Runner | None = None) -> dict[str, Any]:
    found = evaluate_table(order, runner)
    assert not found.refused
    assert len(found.estimates) > 9
    return found.to_json()


def numbers(told: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, word and nothing of an object, with where it stands."""
    if isinstance(told, dict | list | tuple):
        for name, each in told.items() if isinstance(told, dict) else enumerate(told):
            yield from numbers(each, f"{at}/{name}")
    else:
        yield at, told


def test_four_processes_give_what_one_gives_and_what_one_pass_gives(
    order: TableOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = told(order)
    with process_pool(4) as pool:
        assert told(order, pool) == alone
    monkeypatch.setattr(parquet, "PART_ROWS", ROWS)
    whole = dict(numbers(told(order)))
    for at, each in numbers(alone):
        assert each == (pytest.approx(whole[at], rel=1e-12) if isinstance(each, float) else whole[at]), at


@pytest.mark.slow
def test_ray_gives_what_one_process_gives(order: TableOrder) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'keyart[ray]'")
    alone = told(order)
    with ray_runner(cores=2) as ray:
        assert told(order, ray) == alone
