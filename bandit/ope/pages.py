"""What a target would earn a page: slot by slot, and whole pages. Knows no policy and no storage.

A page's reward is the sum of its slots'. Two ways to value it, with different faith in how slots act on each other:

- independent slots: a slot's reward hangs on its own artwork alone, so the slots are valued one by one and added up;
- pseudo-inverse: an artwork may also earn or cost at other slots (a loud one takes plays from its neighbours), as long
  as the page's reward is a sum of what each slot's artwork does (Swaminathan et al. 2017). Where slots are drawn
  independently given the context, the page's weight is 1 − slots + Σ w (their example 4). Under page diversity draws
  hang on those above them, and it is an approximation.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.diagnostics import estimate_to_json
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.estimator import Estimate, Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.on_policy import LoggingMean
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.intervals.interval import Interval, NotEstimable
from bandit.ope.page_pieces import OpenPages
from bandit.ope.terms import One, TermSums, Weight

MOST_POSITIONS = 20
"""Slots further down are valued together: each position costs up to 2 MB."""
FEW_EFFECTIVE_PAGES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionValue:
    """What the target earns a decision at one place of the page; the last holds all further places too."""

    position: int
    rows: int
    estimate: Estimate
    difference: Estimate | None

    def to_json(self) -> dict[str, Any]:
        """As on the wire."""
        return {
            "position": self.position,
            "rows": self.rows,
            "estimate": _range_json(self.estimate),
            "difference": None if self.difference is None else _range_json(self.difference),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvaluation:
    """What a log says of a target a page. `logged` is what pages earned; values are means a page.

    `effective_pages` is how many pages of the target's own the pseudo-inverse rests on, at most; `differences` are of
    the target less the baseline, empty where the log has none; `positions` is empty where the log does not know them.
    """

    pages: int
    slots_per_page: float
    logged: Estimate
    estimates: tuple[Estimate, ...]
    differences: tuple[Estimate, ...]
    positions: tuple[PositionValue, ...]
    effective_pages: float

    def to_json(self) -> dict[str, Any]:
        """The object under `page` in `keyart evaluate --json`."""
        return {
            "pages": self.pages,
            "slots_per_page": self.slots_per_page,
            "mean_reward": _range_json(self.logged),
            "estimates": [estimate_to_json(one) for one in self.estimates],
            "differences": [estimate_to_json(one) for one in self.differences],
            "positions": [position.to_json() for position in self.positions],
            "effective_pages": self.effective_pages,
            "warnings": self._warnings(),
        }

    def _warnings(self) -> list[dict[str, str]]:
        if self.effective_pages >= FEW_EFFECTIVE_PAGES:
            return []
        return [
            {
                "code": "few_effective_pages",
                "message": f"{self.pages} pages are worth {self.effective_pages:.0f} of the target's own",
                "remedy": "go by the values slot by slot, or log more pages",
            }
        ]


class PageEvaluator:
    """Takes a log in batches, or in parts that are added up; the rows of a page must lie side by side in the log."""

    def __init__(self, *, baseline: bool = False) -> None:
        """`baseline`: whether the batches know the probabilities of a policy that the target is compared with."""
        self._baseline = baseline
        self._edges = OpenPages()
        self._slots = self._sums(SNIPS())
        self._pages = self._sums(IPS(), SNIPS(), LoggingMean())
        self._positions: dict[int, TermSums] = {}

    def add(self, batch: Batch) -> None:
        """Take in sound rows (`bandit.ope.diagnosis.faults`) that know their pages.

        Raises:
            InvalidExample: the batch knows no pages, or one comes again after others; or only some rows of this log
                name their viewer.
        """
        self._pages.add(self._edges.whole_of(batch).to_batch(baseline=self._baseline))
        viewers = batch.pages if batch.viewers is None else batch.viewers
        rows = replace(batch, viewers=viewers, eligible=None, predicted=None, labels={}, features={})
        self._slots.add(rows)
        if batch.positions is not None:
            places = np.minimum(batch.positions, MOST_POSITIONS)
            for position in np.unique(places).tolist():
                sums = self._positions.setdefault(position, self._sums(SNIPS()))
                sums.add(rows.select(places == position))

    def __add__(self, other: "PageEvaluator") -> "PageEvaluator":
        both = PageEvaluator(baseline=self._baseline)
        both._edges = self._edges + other._edges
        both._slots = self._slots + other._slots
        both._pages = self._pages + other._pages
        both._positions = dict(self._positions)
        for place, sums in other._positions.items():
            known = both._positions.get(place)
            both._positions[place] = sums if known is None else known + sums
        return both

    def result(self, *, level: float = 0.95) -> PageEvaluation:
        """Values with intervals of `level`.

        Raises:
            NotEstimable: fewer than two pages or viewers, or the target would show none of the logged artworks.
            ValueError: the level is not inside (0, 1).
        """
        pages = self._whole_log()
        if not pages.sums.rows:
            raise NotEstimable("there is no page to go by: map the log's page column")
        slots_per_page = _decisions(self._slots) / _decisions(pages)
        readings = (
            ("page_independent", SNIPS(), self._slots, slots_per_page),
            ("page_pseudo_inverse", IPS(), pages, 1.0),
            ("page_weighted_pseudo_inverse", SNIPS(), pages, 1.0),
        )
        return PageEvaluation(
            pages=pages.sums.rows,
            slots_per_page=slots_per_page,
            logged=LoggingMean().reading(pages).result(level),
            estimates=tuple(
                _scaled(one.reading(sums).result(level), name=name, times=times) for name, one, sums, times in readings
            ),
            differences=tuple(
                _scaled(Difference(one).reading(sums).result(level), name=name, times=times)
                for name, one, sums, times in readings
                if self._baseline
            ),
            positions=tuple(self._position(place, level) for place in sorted(self._positions)),
            effective_pages=_effective(pages),
        )

    def _sums(self, *estimators: Estimator) -> TermSums:
        differences = [Difference(one) for one in estimators[:2]] if self._baseline else []
        return TermSums([One(), *(term for one in (*estimators, *differences) for term in one.terms)])

    def _whole_log(self) -> TermSums:
        """The sums over all pages, those at the edges of batches included."""
        sums = self._sums(IPS(), SNIPS(), LoggingMean())
        pages = self._edges.pieced_together()
        if pages is not None:
            sums.add(pages.to_batch(baseline=self._baseline))
        return self._pages + sums

    def _position(self, place: int, level: float) -> PositionValue:
        sums = self._positions[place]
        return PositionValue(
            position=place,
            rows=sums.sums.rows,
            estimate=SNIPS().reading(sums).result(level),
            difference=Difference(SNIPS()).reading(sums).result(level) if self._baseline else None,
        )


def _scaled(estimate: Estimate, *, name: str, times: float) -> Estimate:
    """The estimate of a mean a decision as one of a mean a page, of `times` decisions."""

    def times_each(interval: Interval) -> Interval:
        return replace(interval, low=interval.low * times, high=interval.high * times)

    return replace(
        estimate,
        estimator=name,
        value=estimate.value * times,
        interval=times_each(estimate.interval),
        intervals=tuple(times_each(one) for one in estimate.intervals),
    )


def _decisions(sums: TermSums) -> float:
    return float(sums.of([One()]).totals[0])


def _effective(pages: TermSums) -> float:
    """(Σ W)² / Σ W² over the pages' weights W (Kish 1965)."""
    weights = pages.of([Weight()])
    squared = float(weights.row_gram()[0, 0])
    return float(weights.totals[0]) ** 2 / squared if squared else 0.0


def _range_json(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.interval.low, "high": estimate.interval.high}
