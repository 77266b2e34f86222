"""A search on the log: held-out viewers decide, all intervals hold together, and only what is better is kept."""

from dataclasses import replace

import pytest

from api.jobs.searching import LogSearch, search_log
from api.storage.database import reading
from api.storage.evaluations import latest_evaluation
from api.storage.policies import find_policy_version
from bandit.errors import InvalidTrial
from bandit.policies.uniform import UNIFORM
from bandit.tuning.trials import SHIPPED, grid
from tests.api.installation import Installation
from tests.api.learned import Learned

UNLIKE = grid({"gamma_scale": ["0", "100000"], "viewer_dimensions": ["0", "8"]})


def test_what_knows_the_viewers_is_found_and_kept_with_its_evaluation(ready: Installation, learned: Learned) -> None:
    stages: list[float] = []
    search = LogSearch(trials=grid({"viewer_dimensions": ["0"]}), halving=False)
    searched = search_log(ready.engine, ready.blobs, settings=ready.settings, search=search, progress=stages.append)
    best, blind = searched.found
    assert (best.trial.name, blind.trial.name) == ("as shipped", "viewer_dimensions=0")
    assert best.gain is not None
    assert blind.gain is not None
    assert best.gain[1] > 0 > blind.gain[1]
    assert (searched.live, searched.kept) == (UNIFORM, best.learned.manifest.version)
    assert stages == [0.5, 1.0]
    with reading(ready.engine) as connection:
        assert searched.kept is not None
        assert find_policy_version(connection, searched.kept).digest == best.learned.manifest.digest
        kept = latest_evaluation(connection, searched.kept)
    assert kept is not None
    assert (kept.result.difference, kept.result.difference_low) == best.gain[:2]


def test_halving_drops_the_worse_half_after_a_part_of_the_viewers(ready: Installation) -> None:
    search = LogSearch(trials=UNLIKE)
    assert search.shares == (0.5, 1.0)
    searched = search_log(ready.engine, ready.blobs, settings=ready.settings, search=search)
    shares = [found.share for found in searched.found]
    assert len(shares) == len(UNLIKE)
    assert shares == sorted(shares, reverse=True)
    assert shares.count(1.0) == len(UNLIKE) // 2


def test_more_trials_make_every_interval_wider(ready: Installation) -> None:
    one = LogSearch(trials=[SHIPPED])
    many = replace(one, trials=[SHIPPED] * 20)
    assert one.level_of_each == pytest.approx(0.95)
    assert many.level_of_each**20 == pytest.approx(0.95)


def test_nothing_is_kept_that_is_not_better_than_what_is_live(ready: Installation, learned: Learned) -> None:
    promoted = {"stage": "live", "reason": "a test"}
    assert ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json=promoted).status_code == 200
    search = LogSearch(trials=[SHIPPED])
    searched = search_log(ready.engine, ready.blobs, settings=ready.settings, search=search)
    assert (searched.live, searched.kept) == (learned.manifest.version, None)
    assert searched.found[0].gain == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_a_search_for_nothing_is_refused() -> None:
    with pytest.raises(InvalidTrial, match="nothing to try"):
        LogSearch(trials=[])
