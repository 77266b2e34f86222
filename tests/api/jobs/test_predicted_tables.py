"""What rests on predictions is only told where the log says whom they are averaged over; nothing is made up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.jobs.evaluating_tables import TableOrder, evaluate_table
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.table import LogTable
from bandit.ope.evaluation import Evaluation
from bandit.ope.models.cut import Cut
from bandit.ope.models.ridge import Ridge, RidgeSettings
from tests.api.jobs.logs.written import as_parquet

ROWS = 300
ON_PREDICTIONS = {"dm", "dr", "sndr", "switch_dr", "dros"}


@pytest.fixture
def columns() -> dict[str, Any]:
    """A log of three artworks a row, with predictions; no target yet."""
    rng = np.random.default_rng(3)
    logged = rng.dirichlet([5, 5, 5], size=ROWS)
    chosen = (rng.random((ROWS, 1)) > logged.cumsum(axis=1)).sum(axis=1)
    return {
        "viewer": [f"v{row % 100}" for row in range(ROWS)],
        "artwork": ["abc"[place] for place in chosen],
        "artworks": [list("abc")] * ROWS,
        "propensity": logged[np.arange(ROWS), chosen],
        "probabilities": logged.tolist(),
        "reward": (rng.random(ROWS) < 0.2 + 0.2 * chosen).astype(float),
        "predictions": [[0.2, 0.4, 0.6]] * ROWS,
    }


def a_third(who: str) -> dict[str, Any]:
    """Uniform as one number a row, and as lists."""
    return {f"{who}_propensity": [1 / 3] * ROWS, f"{who}_probabilities": [[1 / 3] * 3] * ROWS}


def evaluated(columns: dict[str, Any], folder: Path, **asked: Any) -> Evaluation:
    path = as_parquet(columns, folder / "log.parquet")
    return evaluate_table(TableOrder(table=LogTable(path=path), **asked))


def small_ridge() -> Ridge:
    return Ridge(settings=RidgeSettings(width=16), cut=Cut(folds=2, buckets=20))


def on_predictions(found: Evaluation) -> tuple[set[str], set[str]]:
    """Which estimates and which differences rest on predictions."""
    told = [{each.estimator for each in some} for some in (found.estimates, found.differences)]
    return told[0] & ON_PREDICTIONS, told[1] & ON_PREDICTIONS


@pytest.mark.parametrize("modelled", [False, True])
def test_a_baseline_of_one_number_a_row_has_no_difference_by_predictions(
    columns: dict[str, Any], tmp_path: Path, modelled: bool
) -> None:
    both = columns | a_third("target") | a_third("baseline")
    asked = {"model": small_ridge()} if modelled else {}
    assert on_predictions(evaluated(both, tmp_path, **asked)) == (ON_PREDICTIONS, ON_PREDICTIONS)
    del both["baseline_probabilities"]
    found = evaluated(both, tmp_path, **asked)
    assert on_predictions(found) == (ON_PREDICTIONS, set())
    assert found.difference("snips") is not None


def test_a_target_of_one_number_a_row_has_no_use_for_predictions(columns: dict[str, Any], tmp_path: Path) -> None:
    columns |= {"target_propensity": [1 / 3] * ROWS}
    assert on_predictions(evaluated(columns, tmp_path)) == (set(), set())
    with pytest.raises(BadLog, match="target_probabilities"):
        evaluated(columns, tmp_path, model=small_ridge())


def test_what_was_logged_is_no_target_of_predictions_unless_all_of_it_was_kept(
    columns: dict[str, Any], tmp_path: Path
) -> None:
    assert on_predictions(evaluated(columns, tmp_path, target="logging", baseline="uniform"))[0] == ON_PREDICTIONS
    del columns["probabilities"]
    found = evaluated(columns, tmp_path, target="uniform", baseline="logging")
    assert on_predictions(found) == (ON_PREDICTIONS, set())
    assert on_predictions(evaluated(columns, tmp_path, target="logging")) == (set(), set())
    with pytest.raises(BadLog, match="probabilities"):
        evaluated(columns, tmp_path, target="logging", model=small_ridge())


def test_nor_do_guards_act_on_what_was_not_kept(columns: dict[str, Any], tmp_path: Path) -> None:
    guards = tmp_path / "guards.json"
    guards.write_text('{"": {"pause": ["a"]}}')
    assert not evaluated(columns, tmp_path, target="logging", guards=guards).refused
    del columns["probabilities"]
    with pytest.raises(BadLog, match="probabilities"):
        evaluated(columns, tmp_path, target="logging", guards=guards)


def test_a_model_must_be_told_which_artwork_was_shown(columns: dict[str, Any], tmp_path: Path) -> None:
    del columns["artwork"], columns["probabilities"]
    assert on_predictions(evaluated(columns, tmp_path, target="uniform")) == (set(), set())
    with pytest.raises(BadLog, match="artwork"):
        evaluated(columns, tmp_path, target="uniform", model=small_ridge())
