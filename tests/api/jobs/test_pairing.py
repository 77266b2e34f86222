"""What was foretold of a promotion is held against what the version then earned, and who asks is told."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from api.cli.main import main
from api.dependencies.forecasts import PairedForecast, coverage_of, read_paired
from api.jobs.pairing import PAIRING, open_forecasts, pair_forecasts
from api.jobs.schedule import Turn
from api.storage.database import reading
from api.storage.evaluations import latest_evaluation
from bandit.decision import PolicyVersionId
from tests.api.installation import Installation, an_outcome
from tests.api.learned import VIEWERS, Learned, likes, name_of

LATER = timedelta(hours=2)


def promote(installation: Installation, version: str, **body: object) -> None:
    answer = installation.http.post(f"/v1/policies/{version}:promote", json={"reason": "a test", **body})
    assert answer.status_code == 200, answer.text


def live_through(installation: Installation, *, loyal: bool = True) -> None:
    """Every viewer sees a page; without loyalty nobody plays anything any more."""
    outcomes = []
    for viewer in map(name_of, range(VIEWERS)):
        for slot in installation.select("harbor", "tundra", viewer=viewer)["slots"]:
            kind = "played" if loyal and likes(viewer, slot["artwork"]) else "seen"
            outcomes.append(an_outcome(slot["decision"], kind))
    random.Random(1).shuffle(outcomes)
    installation.report(*outcomes)
    installation.join()


def paired(installation: Installation) -> list[PairedForecast]:
    with reading(installation.engine) as connection:
        return read_paired(connection)


def pair(installation: Installation, after: timedelta = LATER) -> int:
    return pair_forecasts(installation.engine, installation.settings, now=datetime.now(UTC) + after)


@pytest.fixture
def promoted(ready: Installation, learned: Learned) -> Installation:
    promote(ready, learned.manifest.version)
    return ready


def test_a_promotion_keeps_what_it_rested_on_and_a_shadow_keeps_nothing(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    promote(ready, version, stage="shadow")
    assert paired(ready) == []
    promote(ready, version, stage="canary", share=0.5)
    promote(ready, version)
    live, canary = paired(ready)
    with reading(ready.engine) as connection:
        known = latest_evaluation(connection, PolicyVersionId(version))
    assert known is not None
    told, said = live.forecast, known.result
    assert (told.value, told.low, told.live, told.live_value) == (said.value, said.low, "uniform", said.live_value)
    assert (canary.ended_at, live.ended_at) == (live.forecast.began_at, None)


def test_a_forecast_that_comes_true_is_said_to(promoted: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    live_through(promoted)
    assert pair(promoted) == 1
    [found] = paired(promoted)
    assert found.observed is not None
    assert (found.observed.rows, found.observed.viewers) == (2 * VIEWERS, VIEWERS)
    assert found.came_true is True
    answer = promoted.http.get("/v1/forecasts").json()
    assert answer["coverage"]["covered"] == 1
    assert answer["forecasts"][0]["observed"]["value"] == found.observed.value
    with pytest.raises(SystemExit):
        main(["forecasts", "--home", str(promoted.home), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["forecasts"][0]["foretold"]["value"] == found.forecast.value
    with pytest.raises(SystemExit):
        main(["forecasts", "--home", str(promoted.home)])
    assert "1 of 1 forecasts that can be told came true (100%)" in capsys.readouterr().out


def test_a_forecast_that_does_not_is_named(promoted: Installation) -> None:
    live_through(promoted, loyal=False)
    pair(promoted)
    [found] = paired(promoted)
    assert found.came_true is False
    assert coverage_of([found]).covered == 0


def test_reading_again_gives_the_same(promoted: Installation) -> None:
    live_through(promoted)
    pair(promoted)
    before = paired(promoted)
    assert pair(promoted, LATER + timedelta(minutes=1)) == 1
    assert [each.readings for each in paired(promoted)] == [each.readings for each in before]


def test_only_what_the_version_earned_where_it_stood_counts(promoted: Installation, learned: Learned) -> None:
    live_through(promoted)
    promoted.http.post("/v1/policies:rollback", json={"reason": "a test"})
    live_through(promoted, loyal=False)
    pair(promoted)
    [found] = paired(promoted)
    assert found.ended_at is not None
    assert found.observed is not None
    assert found.observed.rows == 2 * VIEWERS
    # All of it is read now, so nothing is open any more.
    later = datetime.now(UTC) + timedelta(days=2)
    assert open_forecasts(promoted.engine, promoted.settings, now=later) == []
    turn = Turn(settings=promoted.settings, engine=promoted.engine, blobs=promoted.blobs, now=later)
    assert PAIRING.idle(turn) == "no forecast waits for its outcome"
    assert found.forecast.version == PolicyVersionId(learned.manifest.version)


def test_nothing_is_said_before_enough_was_seen(promoted: Installation) -> None:
    [found] = paired(promoted)
    assert (found.observed, found.came_true) == (None, None)
    assert pair(promoted, timedelta(0)) in (0, 1)
    assert paired(promoted)[0].came_true is None
