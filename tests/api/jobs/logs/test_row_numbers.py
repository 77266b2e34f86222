"""Rows are named by their place in the log that somebody brought, whatever of it was left out, cut or on one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.jobs.evaluating_tables import TableOrder, evaluate_table
from api.jobs.logs import lines, parquet
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.parts import parts
from api.jobs.logs.table import LogTable
from bandit.ope.diagnosis.faults import Refusal
from bandit.ope.evaluation import Evaluation, Question
from tests.api.jobs import golden
from tests.api.jobs.logs.test_decision_service import PAGE, log_of
from tests.api.jobs.logs.written import as_parquet

ROBOTS = 3


def evaluated(path: Path, **asked: Any) -> Evaluation:
    return evaluate_table(TableOrder(table=LogTable(path=path), **asked))


def refusal(found: Evaluation) -> Refusal:
    [only] = found.refusals
    return only


@pytest.fixture(params=[3, 1_000])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The golden log after three rows of robots, in one part or many."""
    monkeypatch.setattr(parquet, "PART_ROWS", request.param)
    known = {name: [*values[:ROBOTS], *values] for name, values in golden.columns().items()}
    return {**known, "excluded": ["pages"] * ROBOTS + [None] * golden.ROWS}


def written(columns: dict[str, Any], folder: Path) -> Path:
    return as_parquet(columns, folder / "log.parquet", group=3)


def test_faulty_rows_after_excluded_ones_have_their_own_numbers(columns: dict[str, Any], tmp_path: Path) -> None:
    columns["propensity"] = [*columns["propensity"][:-2], 0.0, 2.0]
    found = evaluated(written(columns, tmp_path))
    assert (found.rows, refusal(found).rows) == (golden.ROWS, (13, 14))
    assert refusal(found).message.startswith(f"2 of {golden.ROWS} rows")


def test_so_have_repeated_decisions_and_mixed_versions(columns: dict[str, Any], tmp_path: Path) -> None:
    ids = [str(number) for number in range(ROBOTS + golden.ROWS)]
    repeated = evaluated(written({**columns, "decision": [*ids[:-1], "4"]}, tmp_path))
    assert (refusal(repeated).code, refusal(repeated).rows) == ("duplicated_decisions", (4, 14))
    mixed = evaluated(written({**columns, "embedding_version": ["a"] * 10 + ["b"] * 5}, tmp_path))
    assert (refusal(mixed).code, refusal(mixed).rows) == ("embedding_versions_mixed", (ROBOTS, 10))


def test_so_have_heavy_rows_and_whole_logs(columns: dict[str, Any], tmp_path: Path) -> None:
    heaviest = evaluated(written(columns, tmp_path)).diagnostics["largest_weights"][0]["row"]
    weights = [pi / p for pi, p in zip(golden.columns()["target_propensity"], golden.PROPENSITY, strict=True)]
    assert heaviest == ROBOTS + weights.index(max(weights))
    nothing = evaluated(written({**columns, "reward": [0.0] * 15}, tmp_path))
    assert refusal(nothing).rows == tuple(range(ROBOTS, ROBOTS + 10))


def test_so_have_weights_outside_their_range(columns: dict[str, Any], tmp_path: Path) -> None:
    columns["target_propensity"] = [*columns["target_propensity"][:-1], 0.9]
    columns["propensity"] = [*columns["propensity"][:-1], 0.01]
    with pytest.raises(BadLog) as refused:
        evaluated(written(columns, tmp_path), question=Question(weight_range=(0.0, 50.0)))
    assert refused.value.rows == (14,)


def test_pages_and_empty_lines_of_a_decision_service_are_counted_as_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "RANGE_BYTES", 1_000)
    first, second = PAGE["_outcomes"]
    alone = json.dumps({**PAGE, "_outcomes": [first, {**second, "_label_cost": None}]})
    log = log_of(tmp_path, *[PAGE] * 6, json.loads(alone), PAGE)
    log.write_text("\n" + log.read_text().replace(alone, "\n" + alone))
    assert len(parts(LogTable(path=log))) > 1
    found = evaluated(log, target="logging")
    missing = next(one for one in found.refusals if one.code == "reward_missing")
    assert (missing.rows, found.rows) == ((8,), 16)
