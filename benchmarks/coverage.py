"""How often intervals hold the truth: the study behind docs/coverage.md, and three rows of results.json.

`python -m benchmarks.coverage [RUNS]` writes the page (some twenty minutes on one core at 300 runs a log).
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from bandit.ope.batch import Batch
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import Evaluator, Question
from bandit.ope.intervals.bounds import Seen
from bandit.ope.intervals.interval import Interval
from bandit.ope.intervals.rule import EVIDENCE, intervals
from bandit.ope.terms import TermSums
from benchmarks.coverage_logs import LogShape, Setting, alone, draw, setting_of

RUNS = 300
LOOKS = 100
PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
MARK = "<!-- measured: written by `python -m benchmarks.coverage` -->\n"
GRID = [
    LogShape(viewers=viewers, each=each, rewards=rewards, weights=weights)
    for rewards, weights, each, viewers in product(("dense", "rare"), ("light", "heavy"), (1, 20, 50), (500, 5000))
]
BEYOND = [
    *(
        LogShape(each=20, rewards=rewards, weights=weights, kept=True)
        for rewards, weights in product(("dense", "rare"), ("light", "heavy"))
    ),
    *(
        LogShape(viewers=viewers, rewards=rewards, weights="wild")
        for rewards, viewers in product(("dense", "rare"), (500, 5000))
    ),
]
PEEKED = [
    LogShape(viewers=5000, each=1),
    LogShape(viewers=500, each=50),
    LogShape(viewers=5000, each=1, rewards="rare"),
    LogShape(viewers=500, each=20, rewards="rare", weights="heavy"),
]


@dataclass
class Held:
    """How often the truth was held, of `told` answers; `refused` logs gave none. Widths are added up."""

    told: Counter[str] = field(default_factory=Counter[str])
    held: Counter[str] = field(default_factory=Counter[str])
    width: Counter[str] = field(default_factory=Counter[str])
    careful: int = 0
    refused: int = 0

    def note(self, name: str, interval: Interval, truth: float) -> None:
        """One interval that was given."""
        self.told[name] += 1
        self.held[name] += interval.low <= truth <= interval.high
        self.width[name] += interval.high - interval.low

    def share(self, name: str) -> float:
        """The share of answers that held the truth; a log that is always refused misses nothing."""
        return self.held[name] / self.told[name] if self.told[name] else 1.0


def held_by_default(shape: LogShape, *, runs: int = RUNS) -> Held:
    """Draw logs of a shape and evaluate each as a plain table, with its true bounds stated and without."""
    setting, found = setting_of(shape), Held()
    stated = Question(
        estimators=(IPS(), SNIPS()), baseline=True, reward_range=(0.0, 1.0), weight_range=setting.weight_range
    )
    for seed in range(runs):
        evaluator = Evaluator(Question(estimators=(IPS(), SNIPS()), baseline=True))
        batch = draw(shape, setting, np.random.default_rng(seed))
        evaluator.add(batch)
        if _note(found, evaluator, setting=setting, kind=""):
            found.note("plain", _plain(batch), setting.truth)
        _note(found, Evaluator(stated) + evaluator, setting=setting, kind=" stated")
    return found


def _plain(batch: Batch) -> Interval:
    """What the spread alone says, as in the textbook: clustered by viewer where viewers repeat."""
    snips = SNIPS()
    snips.add(batch)
    return snips.interval()


def _note(found: Held, evaluator: Evaluator, *, setting: Setting, kind: str) -> bool:
    evaluation = evaluator.result()
    if not kind:
        found.refused += evaluation.refused
    for estimate in evaluation.estimates:
        found.note(estimate.estimator + kind, estimate.interval, setting.truth)
        if estimate.estimator == "snips" and not kind:
            found.careful += estimate.interval.method.value.startswith("cressie")
    for difference in evaluation.differences:
        found.note(f"{difference.estimator} difference{kind}", difference.interval, setting.true_difference)
    return not evaluation.refused


def ever_missed(shape: LogShape, *, runs: int = RUNS) -> dict[str, float]:
    """The share of logs whose interval excluded the truth at one of 100 looks at least, by kind of interval."""
    setting, missed = setting_of(shape), Counter[str]()
    for seed in range(runs):
        batch = alone(draw(shape, setting, np.random.default_rng(seed)))
        missed.update({kind for kind, interval in _looks(batch) if not interval.low <= setting.truth <= interval.high})
    return {kind: missed[kind] / runs for kind in ("default", "anytime", "plain")}


def _looks(batch: Batch) -> Iterator[tuple[str, Interval]]:
    """The intervals of SNIPS at each of 100 looks at a log that grows."""
    snips, seen = SNIPS(), Seen()
    sums = TermSums((*EVIDENCE, *snips.terms))
    place = np.arange(len(batch)) * LOOKS // len(batch)
    for look in range(LOOKS):
        rows = batch.select(place == look)
        sums.add(rows)
        seen += Seen.of(rows)
        own = sums.of(snips.terms)
        if own.rows < 30 or not own.totals[0]:  # nothing is said of so few, nor without a reward
            continue
        settled = snips.settle(own)
        found = intervals(settled, own, evidence=sums.of(EVIDENCE), bounds=seen.bounds()).intervals
        yield "default", found[0]
        yield "anytime", next(each for each in found if each.method.value.startswith("anytime"))
        yield "plain", snips.reading(sums).interval()


@dataclass(frozen=True)
class Study:
    """All that was measured: each shape of log with how often its intervals held, and what looking every day does."""

    runs: int
    grid: list[tuple[LogShape, Held]]
    beyond: list[tuple[LogShape, Held]]
    peeked: list[tuple[LogShape, dict[str, float]]]

    def least(self, *, clustered: bool) -> tuple[float, float]:
        """The smallest share held in the grid, by default and by what goes by the spread alone."""
        cells = [held for shape, held in self.grid if shape.each > 1 or not clustered]
        ours = min(held.share(f"{name}{kind}") for held in cells for name in DEFAULTS for kind in KINDS)
        return ours, min(held.share("plain") for held in cells)


DEFAULTS = ("ips", "snips")
KINDS = ("", " stated")


def study(*, runs: int = RUNS) -> Study:
    """Measure everything."""
    return Study(
        runs=runs,
        grid=[(shape, held_by_default(shape, runs=runs)) for shape in GRID],
        beyond=[(shape, held_by_default(shape, runs=runs)) for shape in BEYOND],
        peeked=[(shape, ever_missed(shape, runs=runs)) for shape in PEEKED],
    )


def run() -> list[dict[str, object]]:
    """Measure, write the page, and say what the issue asks for."""
    found = study()
    PAGE.write_text(page(found))
    return rows(found)


def rows(found: Study) -> list[dict[str, object]]:
    """As in results.json; the peers are what the textbook's interval does in the same run."""
    unit = f"share of answers that hold the truth, least of all logs, {found.runs} runs each (beside going by spread)"
    least, least_plain = found.least(clustered=False)
    clustered, clustered_plain = found.least(clustered=True)
    missed = max(shares["anytime"] for _, shares in found.peeked)
    missed_plain = max(shares["plain"] for _, shares in found.peeked)
    return [
        _row("coverage_min", least, least_plain, unit=unit, n=found.runs * len(found.grid)),
        _row("coverage_clustered_min", clustered, clustered_plain, unit=unit, n=found.runs * len(found.grid)),
        _row(
            "peeking_max",
            missed,
            missed_plain,
            unit=f"share of logs that exclude the truth at one of {LOOKS} looks, most of all (beside going by spread)",
            n=found.runs * len(found.peeked),
        ),
    ]


def _row(name: str, value: float, peer: float, *, unit: str, n: int) -> dict[str, object]:
    ratio = value / peer if peer else None
    return {"name": name, "value": round(value, 4), "unit": unit, "peer": round(peer, 4), "ratio": ratio, "n": n}


def page(found: Study) -> str:
    """docs/coverage.md up to its mark as it is, and the tables anew."""
    kept = PAGE.read_text().partition(MARK)[0] if PAGE.exists() else "# How often intervals hold the truth\n\n"
    cells = [*_table(found.grid), "", "Beyond the grid:", "", *_table(found.beyond), "", *_peeking(found.peeked)]
    return (
        "\n".join([f"{kept}{MARK}", f"Simulated, {found.runs} logs a line unless it says otherwise.", "", *cells])
        + "\n"
    )


def _table(measured: list[tuple[LogShape, Held]]) -> Iterator[str]:
    yield (
        "| log | refused | SNIPS | IPS | SNIPS, bounds stated | difference (SNIPS) | by spread alone "
        "| Cressie–Read chosen | width, of the value | by spread alone |"
    )
    yield "| --- | " + " | ".join(["---:"] * 9) + " |"
    for shape, held in measured:
        names = ("snips", "ips", "snips stated", "snips difference", "plain")
        shares = [f"{held.share(name):.1%}" if held.told[name] else "" for name in names]
        answers = held.told["snips"]
        wide = [
            f"± {held.width[name] / answers / setting_of(shape).truth / 2:.0%}" if answers else ""
            for name in ("snips", "plain")
        ]
        careful = f"{held.careful / answers:.0%}" if answers else ""
        refused = f"{held.refused} of {held.told['plain'] + held.refused}"
        yield f"| {_told(shape)} | {refused} | {' | '.join([*shares, careful, *wide])} |"


def _peeking(measured: list[tuple[LogShape, dict[str, float]]]) -> Iterator[str]:
    yield f"The share of logs whose interval excluded the truth at one of {LOOKS} looks at least, while the log grew:"
    yield ""
    yield "| log | anytime | default | by spread alone |"
    yield "| --- | ---: | ---: | ---: |"
    for shape, shares in measured:
        yield f"| {_told(shape)} | {' | '.join(f'{shares[kind]:.1%}' for kind in ('anytime', 'default', 'plain'))} |"


def _told(shape: LogShape) -> str:
    rewards = {"dense": "35 % rewarded", "rare": "1.5 % rewarded"}[shape.rewards]
    one = "one artwork each" if shape.kept else ""
    size = f"{shape.viewers:,} viewers × {shape.each}"
    return ", ".join(each for each in (rewards, f"{shape.weights} weights", size, one) if each)


def main() -> None:
    """Measure with as many runs as asked for, write the page and print the rows."""
    found = study(runs=int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
    PAGE.write_text(page(found))
    for row in rows(found):
        print(f"{row['name']:24s} {row['value']:<8} beside {row['peer']}")


if __name__ == "__main__":
    main()
