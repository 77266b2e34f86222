"""The loop learns, evaluates and stages by itself, as far as it may, and leaves to people what is theirs."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select

from api.dependencies.promotion import Order, promote
from api.errors import Conflict
from api.jobs.scene import LOOP_ACTOR, WATCH_ACTOR
from api.storage.database import reading, transaction
from api.storage.leases import standings, take
from api.storage.operations_tables import schedule
from api.storage.policies import list_deployments, roll_back
from api.storage.stages import Stage
from api.storage.tables import deployments, policy_evaluations, policy_versions
from bandit.decision import PolicyVersionId
from bandit.policies.default_artwork import DEFAULT
from tests.api.installation import Installation
from tests.api.jobs.looping import Loop, begin, with_settings


@pytest.fixture
def loop(ready: Installation) -> Loop:
    return begin(ready)


def test_a_version_goes_from_the_log_to_live_by_itself(loop: Loop) -> None:
    assert loop.stands() == ("uniform", None, None)
    learned, evaluated, staged = loop.all()
    version = loop.version()
    assert learned.startswith(f"{version} from ")
    assert f"{version}: 0." in evaluated
    assert staged == f"{version} is shadow now: its evaluation passed the gate"
    assert loop.stands() == ("uniform", None, version)
    loop.run("stage")
    assert loop.stands() == ("uniform", version, None)
    assert "of the 100 rewarded decisions" in loop.run("stage")
    loop.live_through(days=2, well=True)
    assert "it is better: it earned" in loop.run("stage")
    assert loop.stands() == (version, None, None)
    with reading(loop.installation.engine) as connection:
        own = [(each.stage, each.actor) for each in list_deployments(connection)]
    assert own == [(stage, LOOP_ACTOR) for stage in (Stage.LIVE, Stage.CANARY, Stage.SHADOW)]
    assert loop.run("stage") == f"{version} is live"


def test_a_canary_that_does_worse_is_ended_and_does_not_come_back(loop: Loop) -> None:
    loop.all()
    loop.run("stage")
    _, canary, _ = loop.stands()
    loop.live_through(days=2, well=False)
    assert "is ended: it is worse" in loop.run("stage")
    assert loop.stands() == ("uniform", None, None)
    assert loop.run("stage") == f"{canary} is retired"


@pytest.mark.parametrize(
    ("far", "stands"),
    [
        ("shadow", (None, "it")),
        pytest.param("candidate", (None, None), marks=pytest.mark.slow),
        pytest.param("canary", ("it", None), marks=pytest.mark.slow),
    ],
)
def test_it_goes_as_far_as_it_may(loop: Loop, far: str, stands: tuple[str | None, str | None]) -> None:
    loop.settings = with_settings(loop.installation, loop=far).settings
    for _ in range(3):
        loop.all()
    expected = [loop.version() if each else None for each in stands]
    assert loop.stands() == ("uniform", *expected)
    assert f"KEYART_LOOP={far} lets it go no further" in loop.run("stage")


def test_without_enough_new_decisions_it_waits(loop: Loop) -> None:
    loop.settings = with_settings(loop.installation, learn_after=100_000).settings
    assert "it learns from 100,000 on" in loop.run("learn")
    loop.settings = with_settings(loop.installation, loop="candidate").settings
    loop.run("learn")
    assert "it learned at" in loop.run("learn")
    loop.run("evaluate")
    loop.ahead = timedelta(hours=2)
    assert loop.run("learn") == "0 new rewarded decisions; it learns from 100 on"


def test_who_learns_quicker_than_it_evaluates_still_stages(loop: Loop) -> None:
    """What was learned is judged before the next is learned, unless judging it fails."""
    loop.run("learn")
    loop.ahead = timedelta(hours=2)
    assert loop.run("learn") == f"{loop.version()} is evaluated first"
    loop.fail("evaluate")
    assert "new rewarded decisions" in loop.run("learn")
    loop.run("evaluate")
    assert loop.run("learn") == f"{loop.version()} is staged first"
    loop.fail("stage")
    assert "new rewarded decisions" in loop.run("learn")


def test_what_was_learned_while_the_one_before_went_on_its_way_is_left(loop: Loop) -> None:
    loop.all()
    first = loop.version()
    with transaction(loop.installation.engine) as connection:
        connection.execute(schedule.update().values(memory={"version": first}).where(schedule.c.job == "learn"))
    told = loop.run("learn", whatever=True)
    assert told == f"{first} went on its way meanwhile (shadow); what was learned is left"
    assert loop.version() == first


@pytest.mark.parametrize("name", ["learn", "evaluate", "stage"])
def test_a_job_that_was_taken_over_keeps_nothing(loop: Loop, name: str) -> None:
    """Its worker was paused, or its process outlived it: the result of the one that took over is the only one."""
    before = ("learn", "evaluate", "stage")
    for each in before[: before.index(name)]:
        loop.run(each)
    engine = loop.installation.engine
    with reading(engine) as connection:
        kept = _counted(connection)
    with pytest.raises(Conflict, match=f"{name} was taken over by another worker"):
        loop.run(name, meanwhile=lambda: _take_over(engine, name))
    with reading(engine) as connection:
        assert _counted(connection) == kept


def test_who_dies_after_a_version_was_kept_leaves_it_to_the_heir(loop: Loop) -> None:
    """The version and what the schedule knows of it are one transaction: no version is learned that nobody uses."""
    loop.run("learn", dies=True)
    assert loop.run("evaluate").startswith(f"{loop.version()}: 0.")


def _take_over(engine: Engine, name: str) -> None:
    with transaction(engine) as connection:
        assert take(connection, standings(connection)[name], owner="heir", now=datetime.now(UTC))


def _counted(connection: Connection) -> list[int | None]:
    tables = (policy_versions, policy_evaluations, deployments)
    return [connection.scalar(select(func.count()).select_from(each)) for each in tables]


def test_while_a_version_is_on_its_way_none_is_learned(loop: Loop) -> None:
    loop.all()
    loop.ahead = timedelta(hours=2)
    assert "is on its way (shadow)" in loop.run("learn")


def test_what_the_gate_does_not_pass_is_not_staged(loop: Loop) -> None:
    loop.run("learn")
    assert "it was never evaluated" in loop.run("stage")
    assert loop.stands() == ("uniform", None, None)


def test_a_shadow_of_people_is_theirs(loop: Loop) -> None:
    _by_people(loop, DEFAULT, Stage.SHADOW)
    loop.all()
    assert "somebody put default there" in loop.run("stage")
    assert loop.stands() == ("uniform", None, DEFAULT)


@pytest.mark.slow
def test_a_version_that_people_moved_is_theirs(loop: Loop) -> None:
    loop.all()
    _by_people(loop, loop.version(), Stage.CANARY, share=0.01)
    assert "it is theirs to move" in loop.run("stage")


def test_a_shadow_waits_for_its_time(loop: Loop) -> None:
    loop.settings = with_settings(loop.installation, shadow_seconds=600).settings
    loop.all()
    assert "is a shadow until" in loop.run("stage")
    loop.ahead = timedelta(minutes=11)
    assert "is canary now" in loop.run("stage")


def test_after_the_watch_took_something_off_people_look_first(loop: Loop) -> None:
    loop.all()
    _by_people(loop, DEFAULT, Stage.CANARY, share=0.5)
    with transaction(loop.installation.engine) as connection:
        roll_back(connection, actor=WATCH_ACTOR, reason="calibration", now=datetime.now(UTC))
    assert "the watch took a version off" in loop.run("stage")
    loop.ahead = timedelta(hours=25)
    assert "is canary now" in loop.run("stage")


def test_a_shadow_beside_which_another_version_becomes_live_waits_for_its_evaluation(loop: Loop) -> None:
    """Also where that happens after its step was begun: the gate would hear of a comparison that is out of date."""
    loop.all()
    told = loop.run("stage", meanwhile=lambda: _by_people(loop, DEFAULT, Stage.LIVE))
    assert told == f"{loop.version()} waits for its evaluation beside default"
    assert loop.stands() == ("default", None, loop.version())


@pytest.mark.slow
def test_a_shadow_that_is_behind_another_live_version_is_ended(loop: Loop) -> None:
    """Somebody promotes what is better meanwhile: the evaluation is made anew, and the gate is heard again."""
    loop.all()
    promoted = loop.version()
    _by_people(loop, DEFAULT, Stage.LIVE)
    loop.run("evaluate")
    told = loop.run("stage")
    assert told.startswith(f"{promoted} is canary now") or told.startswith(f"{promoted} is ended")


def _by_people(loop: Loop, version: str, stage: Stage, *, share: float | None = None) -> None:
    order = Order(actor="ops", reason="a test", at=datetime.now(UTC), stage=stage, share=share, force=True)
    promote(loop.installation.engine, loop.installation.blobs, version=PolicyVersionId(version), order=order)
