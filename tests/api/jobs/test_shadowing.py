"""What a shadow must show before it may decide for anybody: pages, validity, speed, and what it would have earned."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.dependencies.promotion import Order, promote
from api.jobs.scene import LOOP_ACTOR, WATCH_ACTOR
from api.jobs.shadowing import BAD_SHADOW
from api.jobs.watching import Watcher
from api.storage.alarms import open_alarms
from api.storage.database import reading, transaction
from api.storage.policies import list_deployments, standing
from api.storage.shadow_reports import ShadowReport, put_shadow_report, read_shadow_reports
from api.storage.stages import Stage
from bandit.decision import PolicyVersionId
from bandit.policies.uniform import UniformPolicy
from bandit.shadowing import ShadowFigures
from tests.api.installation import Installation, an_outcome, running, settings_in
from tests.api.jobs.looping import Loop, begin, with_settings
from tests.api.learned import TITLES, VIEWERS, Learned, likes, name_of

FINE = ShadowFigures(pages=200, slots=400, chosen=200.0, distance=40.0, seconds=0.2, live_seconds=0.1)


@pytest.fixture
def shadowed(learned_home: Path) -> Iterator[Loop]:
    """The loop's version is a shadow, which servers are to ask about 40 pages."""
    with running(settings_in(learned_home, shadow_share=1.0)) as ready:
        loop = begin(ready, shadow_pages=40)
        loop.all()
        ready.services.refresh()
        yield loop


def serve(loop: Loop, *, liking: bool = True) -> None:
    """Every viewer comes once; what they like is played, or what they do not like."""
    outcomes: list[dict[str, Any]] = []
    for viewer in map(name_of, range(VIEWERS)):
        page = loop.installation.select(*TITLES, viewer=viewer, at=datetime(2026, 2, 1, tzinfo=UTC))
        for slot in page["slots"]:
            played = likes(viewer, slot["artwork"]) is liking
            outcomes.append(an_outcome(slot["decision"], "played" if played else "seen"))
    loop.installation.report(*outcomes)
    loop.installation.join()
    loop.installation.services.shadow.settle()
    loop.installation.services.shadow.tell()


def says(loop: Loop, figures: ShadowFigures, *, server: str = "elsewhere", ago: timedelta = timedelta(0)) -> None:
    """Let another server say something of the shadow."""
    with transaction(loop.installation.engine) as connection:
        by = standing(connection).shadow_by
        put_shadow_report(connection, ShadowReport(by, server, figures, datetime.now(UTC) - ago))


def alarms(loop: Loop) -> list[tuple[str, str]]:
    with reading(loop.installation.engine) as connection:
        return [(each.kind, each.subject) for each in open_alarms(connection)]


def test_a_shadow_is_promoted_by_what_it_showed_on_real_pages(shadowed: Loop) -> None:
    assert "asked about 0 of the 40 pages" in shadowed.run("stage")
    serve(shadowed)
    told = shadowed.run("stage")
    assert f"asked about {VIEWERS} pages: 0 failed, 0 took too long" in told
    assert "away from the live policy" in told
    assert "decisions since it would have earned" in told
    assert shadowed.stands() == ("uniform", shadowed.version(), None)
    with reading(shadowed.installation.engine) as connection:
        latest = list_deployments(connection)[0]
    assert (latest.actor, latest.stage) == (LOOP_ACTOR, Stage.CANARY)
    assert "as a shadow it was asked about" in latest.reason


def test_a_shadow_that_would_have_earned_less_on_what_came_since_is_stopped(shadowed: Loop) -> None:
    """The gate heard an older log; tastes have turned since."""
    version = shadowed.version()
    serve(shadowed, liking=False)
    assert shadowed.run("stage").startswith(f"{version} is ended: ")
    assert shadowed.stands() == ("uniform", None, None)
    assert alarms(shadowed) == [(BAD_SHADOW, version)]


class Unsound(UniformPolicy):
    """States what adds up to 2."""

    def page(self, slots: Any) -> Any:
        return [np.full(len(candidates), 2 / len(candidates)) for _, candidates in slots]


def test_a_shadow_that_states_no_probabilities_is_stopped_before_its_time(shadowed: Loop) -> None:
    shadowed.settings = with_settings(shadowed.installation, shadow_pages=40, shadow_seconds=3600).settings
    live, unsound = shadowed.installation.services.live, Unsound()
    unsound.version = PolicyVersionId(shadowed.version())
    live.deciding = replace(live.deciding, shadow=unsound)
    serve(shadowed)
    told = shadowed.run("stage")
    assert f"{VIEWERS} failed" in told
    assert "is not a distribution" in told
    assert shadowed.stands() == ("uniform", None, None)
    assert alarms(shadowed) == [(BAD_SHADOW, unsound.version)]


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        (replace(FINE, failures=5, problem="it broke"), "5 failed"),
        (replace(FINE, slow=9), "9 took too long"),
        (ShadowFigures(unable=1, problem="its bytes are damaged"), "1 servers cannot load it"),
    ],
)
def test_the_watch_takes_a_bad_shadow_off_whoever_made_it_one(
    ready: Installation, learned: Learned, figures: ShadowFigures, why: str
) -> None:
    loop, version = with_settings(ready), learned.manifest.version
    by_hand(loop, version)
    watcher = Watcher(loop.settings, ready.engine, ready.blobs)
    says(loop, FINE)
    assert "nothing speaks against" in watcher.look(datetime.now(UTC))
    says(loop, figures, server="another")
    assert why in watcher.look(datetime.now(UTC))
    assert loop.stands() == ("uniform", None, None)
    assert alarms(loop) == [(BAD_SHADOW, version)]
    with reading(ready.engine) as connection:
        assert list_deployments(connection)[0].actor == WATCH_ACTOR
    by_hand(loop, version)
    says(loop, figures)
    assert "theirs to take off" in watcher.look(datetime.now(UTC))
    assert loop.stands() == ("uniform", None, version)


def test_a_server_that_could_not_load_a_shadow_and_went_away_counts_no_more(
    ready: Installation, learned: Learned
) -> None:
    loop = with_settings(ready)
    by_hand(loop, learned.manifest.version)
    says(loop, ShadowFigures(unable=1, problem="no route"), server="gone", ago=timedelta(minutes=5))
    says(loop, FINE)
    watcher = Watcher(loop.settings, ready.engine, ready.blobs)
    assert "nothing speaks against" in watcher.look(datetime.now(UTC))


def test_what_servers_said_of_a_shadow_counts_for_that_deployment_alone(ready: Installation, learned: Learned) -> None:
    loop, version = with_settings(ready), learned.manifest.version
    by_hand(loop, version)
    says(loop, FINE)
    by_hand(loop, "default")
    by_hand(loop, version)
    with reading(ready.engine) as connection:
        assert read_shadow_reports(connection, standing(connection).shadow_by) == []
    assert ready.http.get("/v1/policies").json()["shadow"]["pages"] == 0
    says(loop, FINE)
    assert ready.http.get("/v1/policies").json()["shadow"]["pages"] == 200


def by_hand(loop: Loop, version: str) -> None:
    order = Order(actor="ops", reason="a test", at=datetime.now(UTC), stage=Stage.SHADOW)
    promote(loop.installation.engine, loop.installation.blobs, version=PolicyVersionId(version), order=order)
