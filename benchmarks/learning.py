"""How many decisions a second are learned from: rows of a log in, a packed version out, on one core.

Ours is everything from rewarded decisions to the bundle: checks, spool, the learning process, golden pages. The peer is
`vowpal_wabbit_next` parsing and learning the same rows once; its text is made beforehand and not counted.

Run by `make bench`. `python -m benchmarks.learning --rows 10000000` learns a log of that length and tells its memory.
"""

import argparse
import os
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice

import numpy as np
import vowpal_wabbit_next as vw

from bandit.decision import RewardedDecision
from bandit.learning import Provenance, learn
from bandit.policies.uniform import UniformPolicy
from bandit.simulator.random_world import WEAK
from bandit.simulator.rehearsal import START, Rehearsal
from benchmarks.gap import CONFIG, random_rehearsal
from benchmarks.peers import ARGUMENTS, numbers

APART = replace(CONFIG, apart=True)
ROWS, ROUNDS, PEER_ROWS = 50_000, 3, 10_000


def run() -> list[dict[str, object]]:
    """The rows of results.json: the median of some rounds."""
    os.environ["OMP_NUM_THREADS"] = "1"
    rehearsal = random_rehearsal(0, WEAK)
    rows = _rows(rehearsal, ROWS)
    texts = [_text(rehearsal, row) for row in rows[:PEER_ROWS]]
    ours = ROWS / statistics.median(_learn(rehearsal, rows) for _ in range(ROUNDS))
    theirs = PEER_ROWS / statistics.median(_learn_plainly(texts) for _ in range(ROUNDS))
    return [
        {
            "name": "learn_examples_per_s",
            "value": round(ours),
            "unit": "decisions/s, from rows to a packed version",
            "peer": round(theirs),
            "ratio": round(ours / theirs, 2),
            "n": ROWS,
        }
    ]


def _rows(rehearsal: Rehearsal, count: int) -> list[RewardedDecision]:
    uniform = UniformPolicy()
    log = rehearsal.play(uniform, rehearsal.plan(count), rng=np.random.default_rng(0))
    return rehearsal.rows(log, uniform)


def _learn(rehearsal: Rehearsal, rows: list[RewardedDecision]) -> float:
    started = time.perf_counter()
    learn(rows, rehearsal.known_pictures, config=APART, provenance=Provenance(created_at=START))
    return time.perf_counter() - started


def _text(rehearsal: Rehearsal, row: RewardedDecision) -> list[str]:
    vector, slot = row.page.vector(), row.decision
    assert vector is not None
    artworks = [rehearsal.known_pictures[key].vector for key in slot.images]
    lines = [f"shared |U {numbers(vector)}", *(f"|A {numbers(one)}" for one in artworks)]
    lines[1 + slot.chosen] = f"0:{1.0 - row.reward}:{slot.probability} {lines[1 + slot.chosen]}"
    return lines


def _learn_plainly(texts: list[list[str]]) -> float:
    workspace = vw.Workspace([*ARGUMENTS["vw_tuned"]])
    parser = vw.TextFormatParser(workspace)
    started = time.perf_counter()
    for lines in texts:
        workspace.learn_one([parser.parse_line(line) for line in lines])
    return time.perf_counter() - started


def main() -> None:
    """Learn a long log and tell what it took."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    count = arguments.parse_args().rows
    rehearsal = random_rehearsal(0, WEAK)
    some = _rows(rehearsal, 100_000)

    def streamed() -> Iterator[RewardedDecision]:
        return islice(cycle(some), count)

    started = time.perf_counter()
    learned = learn(streamed(), rehearsal.known_pictures, config=APART, provenance=Provenance(created_at=START))
    seconds = time.perf_counter() - started
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"{learned.manifest.rows:,} rows in {seconds:.0f} s, {count / seconds:,.0f} a second, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
