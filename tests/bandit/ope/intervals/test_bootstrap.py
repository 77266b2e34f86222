"""The bootstrap over viewers: like the clustered interval where that is right, and whole from its parts."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.intervals.bootstrap import bootstrap
from bandit.ope.intervals.interval import Interval, Method, NotEstimable
from bandit.ope.terms import TermSums


def drawn_anew(*parts: Batch) -> Interval:
    snips, sums = SNIPS(), TermSums(SNIPS().terms)
    for part in parts:
        sums.add(part)
    rng = np.random.default_rng(3)
    return bootstrap(lambda totals: snips.value(totals)[0], sums.of(snips.terms), level=0.95, rng=rng)


def test_it_agrees_with_the_clustered_interval_on_a_dense_log(crowd: Batch) -> None:
    found, plain = drawn_anew(crowd), SNIPS()
    plain.add(crowd)
    clustered = plain.interval(0.95, method=Method.VIEWER_CLUSTERED)
    assert found.high - found.low == pytest.approx(clustered.high - clustered.low, rel=0.15)
    assert found.low == pytest.approx(clustered.low, abs=0.01)
    assert found.method is Method.BOOTSTRAP


def test_parts_give_what_the_whole_gives(crowd: Batch) -> None:
    half = np.arange(len(crowd)) % 3 == 0
    whole, parts = drawn_anew(crowd), drawn_anew(crowd.select(half), crowd.select(~half))
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=1e-12)


def test_few_viewers_or_few_rows_with_a_value_are_not_enough(crowd: Batch) -> None:
    assert crowd.viewers is not None
    with pytest.raises(NotEstimable, match="5 viewers"):
        drawn_anew(replace(crowd, viewers=crowd.viewers % np.uint64(5)))
    with pytest.raises(NotEstimable, match="have no value"):
        drawn_anew(replace(crowd, target=np.where(crowd.viewers == 7, 0.5, 0.0), eligible=None))
