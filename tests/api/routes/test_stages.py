"""The stages of a version on the wire: shadow, canary, live, retired, and the gate before the middle two (C7)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.dependencies.breaker import GuardedReads
from api.dependencies.shadow import ShadowObserver
from api.storage.database import open_engine, reading, transaction
from api.storage.evaluations import StoredEvaluation, add_evaluation, latest_evaluation
from api.storage.pages import encode_page, find_page
from bandit.canary import in_canary
from bandit.decision import PolicyVersionId
from bandit.policies.uniform import UniformPolicy
from tests.api.installation import Installation, running, settings_in
from tests.api.learned import VIEWERS, Learned, name_of
from tests.api.problems import is_problem

WHY = {"reason": "a test"}


def promote(installation: Installation, version: str, **body: Any) -> Any:
    return installation.http.post(f"/v1/policies/{version}:promote", json={**WHY, **body})


def standing(installation: Installation) -> tuple[str, Any, Any]:
    listed = installation.http.get("/v1/policies").json()
    return listed["live"], listed["canary"], listed["shadow"]


def deciding(installation: Installation) -> dict[str, str]:
    """Which version decides for each of the viewers."""
    return {viewer: installation.select("harbor", viewer=viewer)["policy"] for viewer in map(name_of, range(VIEWERS))}


def evaluated(installation: Installation, learned: Learned, **changes: Any) -> None:
    """Write down another evaluation of the learned version, like the newest one but for `changes`."""
    with transaction(installation.engine) as connection:
        known = latest_evaluation(connection, learned.manifest.version)
        assert known is not None
        add_evaluation(connection, StoredEvaluation(datetime.now(UTC), replace(known.result, **changes)))


def test_a_canary_decides_for_its_share_and_the_page_says_who_decided(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    promoted = promote(ready, version, stage="canary", share=0.3).json()
    assert (promoted["stage"], promoted["share"]) == ("canary", 0.3)
    assert standing(ready)[:2] == ("uniform", {"version": version, "share": 0.3})
    before = deciding(ready)
    reached = {viewer for viewer, policy in before.items() if policy == version}
    assert set(before.values()) == {version, "uniform"}
    assert len(reached) == pytest.approx(0.3 * VIEWERS, abs=15)
    canary = ready.services.live.deciding.canary
    assert canary is not None
    keys = ready.services.keys
    assert reached == {each for each in before if in_canary(keys.pseudonym(each), share=canary.share, salt=canary.salt)}
    assert deciding(ready) == before

    page = ready.select("harbor", viewer=min(reached))
    record = ready.http.get(f"/v1/decisions/{page['slots'][0]['decision']}").json()
    assert (record["policy"], record["policy_digest"]) == (version, learned.manifest.digest)
    assert len(record["viewer_vector"]) == 6

    assert promote(ready, version, stage="canary", share=0.6).status_code == 200
    grown = {viewer for viewer, policy in deciding(ready).items() if policy == version}
    assert reached < grown


def test_a_roll_back_or_a_retirement_ends_a_canary_and_the_live_version_stays(
    ready: Installation, learned: Learned
) -> None:
    version = learned.manifest.version
    promote(ready, "default")
    evaluated(ready, learned, live="default", live_value=0.0)
    for end in ("/v1/policies:rollback", f"/v1/policies/{version}:retire"):
        assert promote(ready, version, stage="canary", share=1.0).status_code == 200
        assert ready.select("harbor")["policy"] == version
        assert ready.http.post(end, json=WHY).status_code == 200
        assert standing(ready) == ("default", None, None)
        assert ready.select("harbor")["policy"] == "default"
    assert ready.http.post("/v1/policies:rollback", json=WHY).json()["version"] == "uniform"


def test_a_canary_whose_model_is_damaged_leaves_its_viewers_to_the_live_version(
    ready: Installation, learned: Learned
) -> None:
    promote(ready, learned.manifest.version, stage="canary", share=1.0)
    (ready.home / "models" / learned.manifest.digest).write_bytes(b"damaged")
    ready.services.refresh()
    assert ready.select("harbor")["policy"] == learned.manifest.version  # whole in memory
    ready.services.live.deciding = replace(ready.services.live.deciding, canary=None)
    ready.services.refresh()
    assert ready.select("harbor")["policy"] == "uniform"
    assert "policy" in ready.http.get("/readyz").json()["problems"]


class Broken(UniformPolicy):
    """A shadow that states nothing."""

    def page(self, slots: Any) -> Any:
        raise RuntimeError("it broke")


@pytest.fixture
def watched(learned_home: Path) -> Iterator[Installation]:
    """An installation whose shadow is asked about every page."""
    with running(settings_in(learned_home, shadow_share=1.0)) as started:
        yield started


def test_a_shadow_decides_nothing_and_says_what_it_would_have_stated(watched: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    assert promote(watched, version, stage="shadow").status_code == 200
    shadow = standing(watched)[2]
    assert (shadow["version"], shadow["pages"], shadow["mean_distance"]) == (version, 0, None)
    assert {watched.select("harbor", "tundra", viewer=name_of(each))["policy"] for each in range(20)} == {"uniform"}
    watched.services.shadow.settle()
    shadow = standing(watched)[2]
    assert (shadow["pages"], shadow["slots"], shadow["failures"], shadow["dropped"]) == (20, 40, 0, 0)
    assert 0 < shadow["mean_probability"] < 1
    assert 0.1 < shadow["mean_distance"] < 1
    assert shadow["seconds_a_page"] < 0.1
    assert watched.http.post(f"/v1/policies/{version}:retire", json=WHY).json()["stage"] == "retired"
    assert standing(watched) == ("uniform", None, None)


def test_a_shadow_that_fails_harms_no_page_and_is_counted(watched: Installation, learned: Learned) -> None:
    promote(watched, learned.manifest.version, stage="shadow")
    live = watched.services.live
    broken = Broken()
    broken.version = learned.manifest.version
    live.deciding = replace(live.deciding, shadow=broken)
    assert watched.select("harbor")["logged"] is True
    watched.services.shadow.settle()
    counted = standing(watched)[2]
    assert (counted["pages"], counted["failures"], counted["problem"]) == (0, 1, "it broke")
    text = watched.http.get("/metrics").text
    assert f'keyart_shadow_failures_total{{policy="{learned.manifest.version}"}} 1.0' in text


class Understanding(UniformPolicy):
    """A shadow that looks at viewers' vectors of another foundation version."""

    version = PolicyVersionId("understanding")
    foundation_version = "newer"


def test_a_database_that_is_away_speaks_against_no_shadow(watched: Installation, tmp_path: Path) -> None:
    services = watched.services
    services.live.deciding = replace(services.live.deciding, shadow=Understanding())
    shown = watched.select("harbor")["page"]
    with reading(watched.engine) as connection:
        page = find_page(connection, shown)
    away = open_engine(f"sqlite:///{tmp_path / 'nothing.db'}")
    observer = ShadowObserver(services.live, GuardedReads(away), engine=away, settings=services.settings)
    observer.offer(page.page, encode_page(page), services.catalogue.current)
    observer.settle()
    assert (observer.figures().failures, observer.figures().dropped) == (0, 1)
    observer.close()
    away.dispose()


def test_pages_that_come_faster_than_a_shadow_answers_are_dropped(watched: Installation, learned: Learned) -> None:
    promote(watched, learned.manifest.version, stage="shadow")
    watched.services.shadow.close()
    for number in range(70):
        assert watched.select("harbor", viewer=f"v{number}")["logged"] is True
    assert standing(watched)[2] is not None
    assert watched.services.shadow.figures().dropped == 70


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"difference_low": -0.2}, "may be worth 0.2000 less than uniform"),
        ({"rewarded_effective_rows": 3.0}, "3 effective rows"),
        ({"refusals": ("no_overlap: none",), "value": None, "low": None, "high": None}, "no_overlap"),
        ({"live": "default"}, "compared with default"),
        ({"baits": ("harbor/a",)}, "harbor/a"),
    ],
)
def test_c7_what_its_log_does_not_speak_for_is_not_promoted_without_force(
    ready: Installation, learned: Learned, changes: dict[str, Any], said: str
) -> None:
    version = learned.manifest.version
    evaluated(ready, learned, **changes)
    for body in ({"stage": "live"}, {"stage": "canary", "share": 0.1}):
        problem = is_problem(promote(ready, version, **body), 409, "conflict")
        assert said in problem["detail"]
        assert f"keyart evaluate --policy {version}" in problem["remedy"]
    assert standing(ready) == ("uniform", None, None)
    assert promote(ready, version, stage="shadow").status_code == 200
    forced = promote(ready, version, force=True).json()
    assert said in forced["overridden"][0]
    assert ready.http.get("/v1/policies").json()["deployments"][0]["overridden"] == forced["overridden"]


def test_c7_a_version_that_passes_needs_no_force_and_overrides_nothing(ready: Installation, learned: Learned) -> None:
    assert promote(ready, learned.manifest.version, force=True).json()["overridden"] == []
