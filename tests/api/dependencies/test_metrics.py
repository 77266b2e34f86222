"""/metrics and docs/metrics.md list the same metrics; what they say is what happened."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.dependencies.calibration import calibration_of
from api.dependencies.collectors import FRESH_SECONDS, InstallationCollector
from api.dependencies.troubles import KINDS
from api.storage.alarms import raise_alarm
from api.storage.database import transaction
from api.storage.jobs import enqueue
from api.storage.leases import Ended, RunState, end, plan, standings, take
from bandit.decision import Reason, Slot
from tests.api.installation import Installation, an_event, an_outcome, running, settings_in
from tests.architecture.house import ROOT

HOUR = timedelta(hours=1)
TABLE = re.compile(r"^\| `(keyart_\w+)` \| (counter|gauge|histogram)(?:, all)? \|([^|]*)\|", re.MULTILINE)


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Metric → type and labels, as the page says."""
    rows = TABLE.findall((ROOT / "docs" / "metrics.md").read_text())
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def exposed(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Metric → type and labels, as a server says; a counter is named as it is asked for."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith("keyart_"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[family.name + ("_total" if family.type == "counter" else "")] = (family.type, frozenset(labels))
    return found


def values(installation: Installation, name: str) -> dict[str, float]:
    """The samples of a metric by their labels' values, joined."""
    families = text_string_to_metric_families(installation.http.get("/metrics").text)
    return {
        " ".join(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


@pytest.fixture
def busy(harbor: Installation) -> Installation:
    """A server on which a little of everything happened."""
    harbor.post_events(an_event(), an_event(title="nowhere"))
    page = harbor.select()
    harbor.report(an_outcome(page["slots"][0]["decision"]))
    now = datetime.now(UTC)
    with transaction(harbor.engine) as connection:
        raise_alarm(connection, kind="calibration", subject="uniform", message="Look at it.", now=now)
        enqueue(connection, "embed_image", key="x", now=now)
        plan(connection, ["export", "learn"])
        lease = take(connection, standings(connection)["learn"], owner="host/1", now=now)
        assert lease is not None
        end(connection, lease, Ended(state=RunState.FAILED, result="no disk", at=now, next_at=now - HOUR))
    return harbor


def test_the_page_and_a_server_list_the_same_metrics(busy: Installation) -> None:
    assert exposed(busy.http.get("/metrics").text) == documented()


def test_names_keep_to_the_conventions_of_prometheus() -> None:
    for name, (kind, _) in documented().items():
        assert re.fullmatch(r"keyart(_[a-z]+)+", name)
        assert name.endswith("_total") == (kind == "counter")
        assert kind != "histogram" or name.endswith("_seconds")
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb)(_|$)", name)


def test_the_database_is_told_as_it_is(busy: Installation) -> None:
    assert values(busy, "keyart_database_up") == {"": 1}
    assert values(busy, "keyart_alarms_open") == {"calibration": 1}
    assert values(busy, "keyart_policy_stage") == {"live uniform": 1}
    assert values(busy, "keyart_jobs")["waiting"] == 1
    assert values(busy, "keyart_join_due_pages") == {"": 1}
    assert 0 <= values(busy, "keyart_join_lag_seconds")[""] < 60


def test_each_stage_of_a_page_is_timed(busy: Installation) -> None:
    assert values(busy, "keyart_select_stage_seconds_count") == {"wait": 1, "decide": 1, "log": 1}


def test_the_work_behind_the_pages_is_told(busy: Installation) -> None:
    """Since nobody would be left to raise an alarm where no worker lives."""
    assert values(busy, "keyart_job_failures_in_a_row") == {"export": 0, "learn": 1}
    assert values(busy, "keyart_job_overdue_seconds")["learn"] == pytest.approx(3600, abs=60)
    assert values(busy, "keyart_troubles") == {**dict.fromkeys(KINDS, 0), "job_fails": 1}
    assert 0 <= values(busy, "keyart_worker_silence_seconds")[""] < 60


def test_c5_the_sums_are_told_and_add_up(busy: Installation) -> None:
    decisions, outcomes = (values(busy, f"keyart_conservation_{each}") for each in ("decisions", "outcomes"))
    assert (decisions["issued"], outcomes["received"]) == (1, 1)
    for each in (decisions, outcomes):
        total = each.pop("issued" if "issued" in each else "received")
        assert each.pop("lost") == 0
        assert total == sum(each.values())


def test_the_database_is_asked_once_in_a_while(busy: Installation) -> None:
    clock = [0.0]
    collector = InstallationCollector(busy.services.reads, clock=lambda: clock[0])

    def alarms() -> float:
        found = {family.name: family for family in collector.collect()}
        return sum(sample.value for sample in found["keyart_alarms_open"].samples)

    assert alarms() == 1
    with transaction(busy.engine) as connection:
        raise_alarm(connection, kind="reward", subject="uniform", message="Look.", now=datetime.now(UTC))
    assert alarms() == 1
    clock[0] += FRESH_SECONDS
    assert alarms() == 2


def test_without_a_database_the_rest_is_still_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(settings_in(tmp_path_factory.mktemp("bare"))) as bare:
        assert values(bare, "keyart_database_up") == {"": 0}
        assert values(bare, "keyart_join_lag_seconds") == {}
        failing = values(bare, "keyart_refresh_failing")
        assert (failing["catalogue"], failing["policy"], failing["keys"]) == (1, 1, 1)


def test_c6_the_mean_weight_of_what_is_drawn_is_one(installation: Installation) -> None:
    """120 slots among three artworks, of which one must have at least .7; their draws are always the same ones."""
    titles = [f"t{number}" for number in range(6)]
    for title in titles:
        installation.put_title(title)
        said = {"kind": "share", "artwork": "a", "minimum": 0.7, "reason": "a test"}
        assert installation.http.post(f"/v1/titles/{title}/guards", json=said).status_code == 201
    for number in range(20):
        installation.select(*titles, viewer=f"viewer-{number}")
    slots = sum(values(installation, "keyart_calibration_slots_total").values())
    weight = sum(values(installation, "keyart_calibration_weight_total").values())
    squares = sum(values(installation, "keyart_calibration_squares_total").values())
    assert slots == 120
    assert squares > 1.2 * slots
    assert abs(weight / slots - 1) < 3 * squares**0.5 / slots


def slot(probabilities: tuple[float, ...], chosen: int, reason: Reason = Reason.POLICY) -> Slot:
    names = tuple("abcdef"[: len(probabilities)])
    return Slot(
        title="t",  # type: ignore[arg-type]
        artworks=names,  # type: ignore[arg-type]
        images=names,
        probabilities=probabilities,
        chosen=chosen,
        position=0,
        reason=reason,
    )


def test_c6_the_check_is_unbiased_whatever_is_drawn() -> None:
    stated = (0.7, 0.2, 0.0, 0.1)
    mean = sum(p * calibration_of([slot(stated, index)]).weight for index, p in enumerate(stated) if p)
    assert mean == pytest.approx(1)


def test_slots_that_nothing_was_drawn_for_say_nothing() -> None:
    sums = calibration_of([slot((1.0,), 0), slot((0.0, 1.0), 1), slot((0.5, 0.5), 0, Reason.PINNED)])
    assert (sums.slots, sums.weight, sums.squares) == (0, 0, 0)
