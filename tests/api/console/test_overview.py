"""The overview: an empty, a busy and a troubled installation; parts that refresh themselves; what browsers may run."""

import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.dependencies.identity import new_name
from api.storage.alarms import clear_alarm, raise_alarm
from api.storage.database import transaction
from api.storage.leases import Ended, RunState, end, plan, standings, take
from bandit.decision import Rung
from tests.api.console.log_of_days import Past, every, write
from tests.api.console.pages import NASTY, text_of
from tests.api.installation import Installation, an_outcome
from tests.api.learned import Learned

STATIC = Path(__file__).parents[3] / "api" / "console" / "static"
PAGES = (
    "/console",
    "/console/versions",
    "/console/versions/uniform",
    "/console/explorer",
    "/console/rollback",
    "/login",
)


def test_an_empty_installation_says_what_is_missing(shared: Installation) -> None:
    text = text_of(shared.http.get("/console"))
    assert "No alarm is open." in text
    assert "Nothing was decided in the last hour" in text
    assert "No reward is final yet" in text
    assert "No worker has run yet" in text
    assert "since the beginning" in text
    assert "adds up" in text


def test_what_was_decided_is_counted_and_kept(harbor: Installation) -> None:
    decisions = [harbor.select("harbor", viewer=f"viewer-{n}")["slots"][0]["decision"] for n in range(10)]
    harbor.report(*(an_outcome(each, "seen") for each in decisions[:6]))
    harbor.join()
    text = text_of(harbor.http.get("/console"))
    assert re.search(r"Issued 10\b", text)
    assert "seen, not played 6" in text
    assert "adds up" in text
    assert "Decisions a second over the last hour" in harbor.http.get("/console").text


def test_reward_by_day_stands_beside_the_hold_back(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "it was evaluated"})
    since = datetime.now(UTC) - timedelta(days=2)
    step = timedelta(seconds=20)
    past = [
        Past(at=at, viewer=n, policy=learned.manifest.version, played=2)
        for n, at in enumerate(every(step, since=since, times=60))
    ]
    past += [
        Past(at=at, viewer=n, policy="default", rung=Rung.HOLD_BACK, played=1)
        for n, at in enumerate(every(step, since=since, times=60))
    ]
    write(ready.engine, past)
    answer = ready.http.get("/console")
    text = text_of(answer)
    assert re.search(rf"{learned.manifest.version} live .* key:preset it was evaluated 0\.5000", text)
    assert re.search(r"Hold-back default artworks .* 0\.2500 \[0\.2500, 0\.2500\]", text)
    assert f"{since:%Y-%m-%d} {learned.manifest.version}: 0.5000" in text
    assert 'class="whisker s-live"' in answer.text
    assert 'class="whisker s-held"' in answer.text


def test_open_alarms_are_first_and_gone_when_cleared(harbor: Installation) -> None:
    now = datetime.now(UTC)
    with transaction(harbor.engine) as connection:
        raise_alarm(connection, kind="fall_back", subject="uniform", message=NASTY, now=now)
    answer = harbor.http.get("/console")
    assert NASTY not in answer.text
    text = text_of(answer)
    assert "Fall back: uniform" in text
    assert NASTY in text
    assert "1 alarm is open." in answer.text
    with transaction(harbor.engine) as connection:
        clear_alarm(connection, kind="fall_back", subject="uniform", now=now)
    assert "No alarm is open." in text_of(harbor.http.get("/console"))


def test_the_loop_shows_how_jobs_ended_and_when_they_are_next(harbor: Installation) -> None:
    now = datetime(2026, 1, 2, 20, tzinfo=UTC)
    with transaction(harbor.engine) as connection:
        plan(connection, ["learn", "most_played"])
        lease = take(connection, standings(connection)["learn"], owner="w", now=now)
        assert lease is not None
        failed = Ended(state=RunState.FAILED, result="The log is empty.", at=now, next_at=now + timedelta(hours=1))
        end(connection, lease, failed)
    text = text_of(harbor.http.get("/console"))
    assert "learn failed 2026-01-02 20:00 UTC The log is empty. 2026-01-02 21:00 UTC" in text
    assert "most played never as soon as a worker is free" in text


def test_a_worker_that_died_is_told_and_nothing_reads_as_well(harbor: Installation) -> None:
    """The operator who is woken: whoever would raise an alarm is gone, and its jobs still look held."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    name = new_name().split("/")
    process.wait()
    dead = "/".join([*name[:3], str(process.pid), "1", name[5]])
    with transaction(harbor.engine) as connection:
        plan(connection, ["join"])
        assert take(connection, standings(connection)["join"], owner=dead, now=datetime.now(UTC)) is not None
    answer = harbor.http.get("/console")
    text = text_of(answer)
    assert "No worker The worker" in text
    assert "died, and no other one has taken over" in text
    assert "What to do: Start one: keyart worker" in text
    assert "<code>keyart worker</code>" in answer.text
    assert "its worker died" in text
    assert "No alarm is open" not in text
    assert "1 thing is wrong." in answer.text


def test_what_was_answered_lately_is_told(harbor: Installation) -> None:
    harbor.select()
    text = text_of(harbor.http.get("/console"))
    assert "99 in 100 of them, half ≤" in text
    assert "ms; 0 requests failed (5xx)" in text


def test_what_the_same_thing_keeps_from_being_read_is_told_once(harbor: Installation) -> None:
    for part in ("keys", "policy"):
        harbor.services.problems[part] = "The database cannot be reached."
    text = text_of(harbor.http.get("/console"))
    assert "The keys and the policy cannot be refreshed on this server The database cannot be reached." in text
    assert text.count("The database cannot be reached.") == 1


def test_a_log_that_cannot_be_written_and_a_full_disk_are_told(harbor: Installation) -> None:
    harbor.services.log.failing = "The latest pages could not be written. The disk is full."
    harbor.services.refresh()
    assert "The log of this server The latest pages could not be written" in text_of(harbor.http.get("/console"))
    assert "log" in harbor.http.get("/readyz").json()["problems"]
    harbor.services.log.failing = None
    harbor.services.refresh()
    assert harbor.http.get("/readyz").json()["problems"] == {}


def test_what_cannot_be_refreshed_is_told(harbor: Installation) -> None:
    harbor.services.problems["policy"] = "squarecb-1 is damaged."
    text = text_of(harbor.http.get("/console"))
    assert "The policy cannot be refreshed on this server squarecb-1 is damaged." in text


def test_without_the_database_the_page_says_so(harbor: Installation) -> None:
    with transaction(harbor.engine) as connection:
        connection.exec_driver_sql("DROP TABLE tallies")
    answer = harbor.http.get("/console")
    assert answer.status_code == 503
    assert "What to do:" in text_of(answer)


def test_its_figures_refresh_themselves_and_the_page_is_whole_without(shared: Installation) -> None:
    page, part = shared.http.get("/console").text, shared.http.get("/console/figures").text
    assert 'hx-get="/console/figures" hx-trigger="every 10s"' in page
    assert 'id="announced" role="status" aria-live="polite"' in page
    assert "<html" not in part
    assert '<ul class="figures">' in part
    assert '<ul class="figures">' in page


@pytest.mark.parametrize("path", PAGES)
def test_nothing_foreign_and_nothing_inline_may_run(ready: Installation, path: str) -> None:
    answer = ready.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"\son\w+=|\sstyle=|<style|https?://(?!www\.w3\.org)", answer.text)
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.DOTALL)
    assert set(scripts) <= {""}
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text):
        assert ready.http.get(address).status_code == 200, address


def test_every_field_has_a_label_and_every_page_a_heading(ready: Installation) -> None:
    for path in PAGES:
        text = ready.http.get(path).text
        fields = re.findall(
            r"<(?:input|select|textarea)(?![^>]*type=\"(?:hidden|radio|checkbox)\")[^>]*id=\"([^\"]+)\"", text
        )
        assert all(f'for="{name}"' in text for name in fields), path
        assert text.count("<h1") == 1, path
        assert 'class="skip" href="#content"' in text


def test_htmx_is_the_file_that_its_note_names() -> None:
    vendored = next((STATIC / "vendor").glob("htmx-*.min.js"))
    assert hashlib.sha256(vendored.read_bytes()).hexdigest() in (STATIC / "vendor" / "README.md").read_text()
    assert (STATIC / "vendor" / f"{vendored.name.removesuffix('.min.js')}.LICENSE.txt").exists()
    assert vendored.name in (STATIC.parent / "templates" / "console.html").read_text()
