"""Doubly robust with a fitted reward model, on ten million decisions over twenty artworks each. Simulated.

`python -m benchmarks ope_dr` makes the rows batch by batch, twice the same: once to fit ridge across viewer folds, once
to ask it about all 2 · 10^8 eligible artworks and to value the target by `dm`, `dr`, `ips` and `snips`. Then the same
with a tenth of the rows: memory must not follow the log. The truth is known, so a wrong value is no measurement.
"""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bandit.ope.batch import Batch, Eligible, Floats, Labels
from bandit.ope.estimators.direct_method import DirectMethod
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import Evaluator, Question
from bandit.ope.models.model import fit
from bandit.ope.models.ridge import Ridge
from benchmarks.ope import apart

ROWS, ARTWORKS, VIEWERS, BATCH_ROWS = 10_000_000, 20, 1_000_000, 65_536
DEVICES, DAYPARTS = ("tv", "phone", "web"), ("night", "morning", "afternoon", "evening")
FARTHEST = 5.0
"""Standard errors that an estimate may be off before the run is called wrong."""


def run(rows: int = ROWS) -> list[dict[str, Any]]:
    """Return the rows of results.json."""
    whole, small = (apart(partial(valued, rows=count), Path(f"{count}")) for count in (rows, rows // 10))
    unit = "MB (peer: a tenth of the log)"
    return [
        _row("ope_dr_1e7_mb", whole["mb"], small["mb"], unit=unit, n=rows),
        _row("ope_dr_1e7_seconds", whole["cpu"], whole["making"], unit="processor s (peer: making the rows)", n=rows),
    ]


def valued(_: Path, *, rows: int) -> dict[str, float]:
    """Fit, predict, evaluate; the time that making the rows takes is told apart."""
    made = time.process_time()
    for _batch in batches(rows):
        pass
    made = time.process_time() - made
    started = time.process_time()
    fitted = fit(batches(rows), Ridge())
    spent_fitting = time.process_time() - started - made
    question = Question(estimators=(DirectMethod(), DoublyRobust(), IPS(), SNIPS()))
    evaluator, truth = Evaluator(question), 0.0
    for batch in batches(rows):
        truth += _truth(batch)
        evaluator.add(fitted.predict(batch))
    found = evaluator.result()
    for estimate in found.estimates:
        reach = (estimate.interval.high - estimate.interval.low) / 3.92
        if estimate.estimator != "dm" and abs(estimate.value - truth / rows) > FARTHEST * reach:
            raise SystemExit(f"{estimate.estimator} says {estimate.value}, the truth is {truth / rows}.")
    spent = time.process_time() - started - 2.0 * made
    values = {estimate.estimator: estimate.value for estimate in found.estimates}
    return {"cpu": spent, "fitting": spent_fitting, "making": made, "truth": truth / rows, **values}


def batches(rows: int) -> Iterator[Batch]:
    """The log; the same each time, of the first rows the same however many there are."""
    for place, first in enumerate(range(0, rows, BATCH_ROWS)):
        yield _batch(np.random.default_rng(place), min(BATCH_ROWS, rows - first))


def _batch(rng: np.random.Generator, count: int) -> Batch:
    device, daypart = rng.integers(0, len(DEVICES), count), rng.integers(0, len(DAYPARTS), count)
    logged = 0.8 * _softmax(rng.normal(0.0, 0.7, (count, ARTWORKS))) + 0.2 / ARTWORKS
    target = _softmax(6.0 * _chances(device, daypart))
    shown = np.minimum((rng.random((count, 1)) > logged.cumsum(axis=1)).sum(axis=1), ARTWORKS - 1)
    every, starts = np.arange(count), np.arange(count + 1) * ARTWORKS
    return Batch(
        propensity=logged[every, shown],
        target=target[every, shown],
        reward=(rng.random(count) < _chances(device, daypart)[every, shown]).astype(np.float64),
        viewers=(rng.integers(VIEWERS, size=count).astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15),
        eligible=Eligible(
            starts=starts,
            chosen=starts[:-1] + shown,
            artworks=np.tile(np.arange(ARTWORKS), count),
            names=tuple(f"title/{artwork}" for artwork in range(ARTWORKS)),
            logged=logged.ravel(),
            target=target.ravel(),
        ),
        features={
            "device": Labels(codes=device, names=DEVICES),
            "daypart": Labels(codes=daypart, names=DAYPARTS),
            "position": rng.integers(0, 20, count).astype(np.float64),
        },
    )


def _chances(device: np.ndarray, daypart: np.ndarray) -> Floats:
    """The chance of a reward of every artwork: (n, artworks)."""
    rng = np.random.default_rng(20)
    by_device, by_daypart = (rng.normal(0.0, 0.02, (len(each), ARTWORKS)) for each in (DEVICES, DAYPARTS))
    return np.clip(0.08 + by_device[device] + by_daypart[daypart], 0.005, 0.5)


def _truth(batch: Batch) -> float:
    eligible, (device, daypart) = batch.eligible, (batch.features[name] for name in ("device", "daypart"))
    if eligible is None or not isinstance(device, Labels) or not isinstance(daypart, Labels):
        raise TypeError("a batch of this log has artworks and categories")
    return float(eligible.target @ _chances(device.codes, daypart.codes).ravel())


def _softmax(scores: Floats) -> Floats:
    stated = np.exp(scores)
    return stated / stated.sum(axis=1, keepdims=True)


def _row(name: str, ours: float, peer: float, *, unit: str, n: int) -> dict[str, Any]:
    value, other, ratio = (float(f"{number:.3g}") for number in (ours, peer, ours / peer))
    return {"name": name, "value": value, "unit": unit, "peer": other, "ratio": ratio, "n": n}


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
