"""Outcomes in the background: in batches, with ids that stay, bounded, counted, and reported when a process ends."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.client import KeyartClient, Reported, ReportedOutcome
from api.outcome_queue import OutcomeQueue, QueueOptions
from tests.architecture.house import ROOT

TAKEN = Reported()
DOWN = Reported(error="down")


class Taker:
    """Stands for `KeyartClient.report`: answers in turn, the last answer for ever, and keeps what it was sent."""

    def __init__(self, *answers: Reported) -> None:
        self.answers = list(answers) or [TAKEN]
        self.sent = list[tuple[ReportedOutcome, ...]]()
        self.held = threading.Event()
        self.held.set()

    def __call__(self, outcomes: Sequence[ReportedOutcome]) -> Reported:
        self.held.wait()
        self.sent.append(tuple(outcomes))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def queue(taker: Taker, **options: float) -> OutcomeQueue:
    return OutcomeQueue(taker, QueueOptions(**{"every": 30.0, **options}))  # type: ignore[arg-type]


def test_outcomes_leave_together_when_enough_wait() -> None:
    taker = Taker()
    with queue(taker, batch=3) as outcomes:
        for number in range(3):
            outcomes.record(f"d{number}", "played", seconds=60.0)
        until = time.monotonic() + 5
        while not taker.sent and time.monotonic() < until:
            time.sleep(0.005)
    assert [[each.decision for each in batch] for batch in taker.sent] == [["d0", "d1", "d2"]]


def test_a_few_leave_when_they_waited_long_enough() -> None:
    taker = Taker()
    with queue(taker, every=0.02) as outcomes:
        outcomes.record("d0", "played")
        until = time.monotonic() + 5
        while not taker.sent and time.monotonic() < until:
            time.sleep(0.005)
        assert len(taker.sent) == 1


def test_event_ids_are_unique_and_stay_when_a_report_is_repeated() -> None:
    taker = Taker(DOWN, DOWN, TAKEN)
    with queue(taker) as outcomes:
        given = [outcomes.record("d0", "played"), outcomes.record("d0", "played"), outcomes.record("d0", "seen")]
        assert outcomes.flush()
        assert outcomes.record("d0", "seen") == given[2], "a decision is seen once, however often that is recorded"
        assert outcomes.record("d0", "played", event="mine") == "mine"
    assert len(set(given)) == 3
    assert [[each.event for each in batch] for batch in taker.sent[:3]] == [given] * 3


def test_nothing_is_recorded_of_a_default() -> None:
    taker = Taker()
    with queue(taker) as outcomes:
        assert outcomes.record(None, "seen") is None
    assert taker.sent == []


def test_a_full_queue_drops_the_newest_and_counts_them() -> None:
    taker = Taker()
    taker.held.clear()
    with queue(taker, waiting=2) as outcomes:
        for number in range(5):
            outcomes.record(f"d{number}", "played")
        counts = outcomes.counts()
        taker.held.set()
    assert counts == {"recorded": 5, "delivered": 0, "dropped": 3, "refused": 0, "waiting": 2}
    assert [each.decision for batch in taker.sent for each in batch] == ["d0", "d1"]


def test_one_outcome_that_cannot_be_taken_does_not_keep_the_others_back() -> None:
    class Picky(Taker):
        def __call__(self, outcomes: Sequence[ReportedOutcome]) -> Reported:
            super().__call__(outcomes)
            spoiled = any(each.decision == "d5" for each in outcomes)
            return Reported(error="HTTP 422", status=422) if spoiled else TAKEN

    taker = Picky()
    with queue(taker) as outcomes:
        for number in range(12):
            outcomes.record(f"d{number}", "played")
        assert outcomes.flush()
        counts = outcomes.counts()
    assert (counts["delivered"], counts["refused"]) == (11, 1)


def test_an_outcome_that_is_no_json_does_not_keep_the_others_back() -> None:
    taken = httpx.Response(200, json={"accepted": 1, "duplicates": 0, "rejected": []})
    with (
        KeyartClient("http://keyart.test", transport=httpx.MockTransport(lambda _: taken)) as keyart,
        OutcomeQueue(keyart.report, QueueOptions(every=30.0)) as outcomes,
    ):
        outcomes.record("d0", "watched", seconds=float("nan"))
        outcomes.record("d1", "watched", seconds=60.0)
        assert outcomes.flush()
        counts = outcomes.counts()
    assert (counts["delivered"], counts["refused"], counts["waiting"]) == (1, 1, 0)


def test_a_time_without_an_offset_gets_this_machines() -> None:
    taker = Taker()
    with queue(taker) as outcomes:
        outcomes.record("d0", "played", at=datetime(2026, 3, 1, 12))
        outcomes.record("d1", "played", at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    naive, aware = (datetime.fromisoformat(each.at) for each in taker.sent[0])
    assert naive == datetime(2026, 3, 1, 12).astimezone()
    assert aware == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_rejected_outcomes_are_counted_apart() -> None:
    taker = Taker(Reported(accepted=1, rejected=({"event": "e", "reason": "forged"},)))
    with queue(taker) as outcomes:
        outcomes.record("d0", "played")
        outcomes.record("forged", "played")
        outcomes.flush()
        assert outcomes.counts() == {"recorded": 2, "delivered": 1, "dropped": 0, "refused": 1, "waiting": 0}


def test_closing_gives_up_in_time_and_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    outcomes = queue(Taker(DOWN), exit_within=0.1)
    outcomes.record("d0", "played")
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < 10
    assert outcomes.counts() == {"recorded": 1, "delivered": 0, "dropped": 1, "refused": 0, "waiting": 0}
    assert "1 outcomes were not taken in time" in caplog.text
    outcomes.record("d1", "played")
    assert outcomes.counts()["dropped"] == 2


def test_a_report_that_raises_is_repeated() -> None:
    class Raising(Taker):
        def __call__(self, outcomes: Sequence[ReportedOutcome]) -> Reported:
            if not self.sent:
                super().__call__(outcomes)
                raise RuntimeError("not promised by anybody")
            return super().__call__(outcomes)

    taker = Raising()
    with queue(taker) as outcomes:
        outcomes.record("d0", "played")
        assert outcomes.flush()
    assert len(taker.sent) == 2


ENDING = """
import os, sys
from api.client import Reported
from api.outcome_queue import OutcomeQueue

def report(outcomes):
    with open(sys.argv[1], "a") as file:
        file.writelines(f"{each.decision}\\n" for each in outcomes)
    return Reported(accepted=len(outcomes))

outcomes = OutcomeQueue(report)
outcomes.record("before", "played")
if sys.argv[2] == "fork" and os.fork() == 0:
    outcomes.record("child", "played")
    sys.exit(0)
if sys.argv[2] == "fork":
    os.wait()
"""


@pytest.mark.parametrize(("way", "written"), [("end", ["before"]), ("fork", ["before", "child"])])
def test_what_waits_is_reported_when_the_process_ends_by_parent_and_child_each_its_own(
    tmp_path: Path, way: str, written: list[str]
) -> None:
    file = tmp_path / "written"
    subprocess.run([sys.executable, "-c", ENDING, str(file), way], check=True, timeout=30, cwd=ROOT)
    assert sorted(file.read_text().split()) == written
