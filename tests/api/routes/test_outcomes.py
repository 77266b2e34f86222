"""POST /v1/outcomes: idempotent; a forged decision is refused alone, the rest of the batch counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from api.storage.database import reading
from api.storage.outcomes import count_outcomes
from tests.api.installation import Installation, an_outcome
from tests.api.problems import is_problem


def stored(installation: Installation) -> int:
    with reading(installation.engine) as connection:
        return count_outcomes(connection)


def decision(installation: Installation) -> str:
    decided: str = installation.select()["slots"][0]["decision"]
    return decided


def test_outcomes_are_kept_once(harbor: Installation) -> None:
    decided = decision(harbor)
    seen, played = an_outcome(decided, "seen"), an_outcome(decided, "played")
    assert harbor.report(seen, played) == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert harbor.report(seen, played, seen) == {"accepted": 0, "duplicates": 3, "rejected": []}
    shown = harbor.http.get(f"/v1/decisions/{decided}").json()["outcomes"]
    assert {each["kind"] for each in shown} == {"seen", "played"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda genuine: genuine[:-1] + ("0" if genuine[-1] != "0" else "1"),
        lambda genuine: genuine.replace("-00-", "-01-"),
        lambda genuine: "0" * 32 + genuine[32:],
        lambda genuine: genuine.upper(),
        lambda genuine: genuine + " ",
        lambda genuine: "nonsense",
    ],
)
def test_a_forged_decision_is_rejected_alone(shared: Installation, forge: Any) -> None:
    genuine = decision(shared)
    before = stored(shared)
    answer = shared.report(an_outcome(forge(genuine)), an_outcome(genuine))
    assert (answer["accepted"], len(answer["rejected"])) == (1, 1)
    assert "not issued here" in answer["rejected"][0]["reason"]
    assert stored(shared) == before + 1


def test_forged_decisions_are_refused_without_a_look_up(shared: Installation) -> None:
    genuine = decision(shared)
    forged = [an_outcome(f"{genuine[:-8]}{number:08x}", event=f"forged-{number}") for number in range(300)]
    said: list[str] = []

    def note(*told: Any) -> None:
        said.append(told[2])

    event.listen(shared.engine, "before_cursor_execute", note)
    try:
        assert len(shared.report(*forged)["rejected"]) == 300
    finally:
        event.remove(shared.engine, "before_cursor_execute", note)
    assert any("tallies" in each for each in said), "they are counted (C5)"
    assert not [each for each in said if any(name in each for name in ("pages", "outcomes"))]


def test_a_forged_decision_cannot_be_read(shared: Installation) -> None:
    is_problem(shared.http.get(f"/v1/decisions/{'0' * 32}-00-{'0' * 16}"), 404, "unknown_decision")
    is_problem(shared.http.get("/v1/decisions/x"), 404, "unknown_decision")
    is_problem(shared.http.get(f"/v1/decisions/{'x' * 300}"), 422, "invalid_request")


def test_a_genuine_decision_of_a_page_that_is_not_in_the_log_is_not_found(shared: Installation) -> None:
    signed = shared.keys.sign_decision("0" * 32, 0)  # type: ignore[arg-type]
    is_problem(shared.http.get(f"/v1/decisions/{signed}"), 404, "unknown_decision")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"kind": "ignored"}, "outcomes.0.kind"),
        ({"seconds": -3}, "outcomes.0.seconds"),
        ({"at": None}, "outcomes.0.at"),
        ({"reward": 1}, "outcomes.0.reward"),
    ],
)
def test_a_wrong_outcome_refuses_the_whole_batch(shared: Installation, changes: dict[str, Any], where: str) -> None:
    before = stored(shared)
    genuine = decision(shared)
    sent = {"outcomes": [an_outcome(genuine) | changes, an_outcome(genuine)]}
    assert (
        is_problem(shared.http.post("/v1/outcomes", json=sent), 422, "invalid_request")["errors"][0]["where"] == where
    )
    assert stored(shared) == before


@pytest.mark.parametrize(
    ("at", "taken"),
    [
        (timedelta(hours=23), True),
        (timedelta(hours=25), False),
        (timedelta(days=-3000), True),
        (timedelta(days=-3651), False),
    ],
)
def test_a_time_far_off_is_rejected_alone(shared: Installation, at: timedelta, taken: bool) -> None:
    genuine = decision(shared)
    told = (datetime.now(UTC) + at).isoformat()
    answer = shared.report(an_outcome(genuine, at=told), an_outcome(genuine))
    assert answer["accepted"] == 1 + taken
    assert [refused["reason"][:13] for refused in answer["rejected"]] == ([] if taken else ["The time lies"])


def test_the_spellings_that_only_the_slower_reader_knows_are_taken_too(shared: Installation) -> None:
    genuine = decision(shared)
    odd = an_outcome(genuine, at="2026-11-22 18:00:00+01:00")
    assert shared.report(odd, an_outcome(genuine, at="2026-11-22T17:00:00Z"))["accepted"] == 2
    shown = shared.http.get(f"/v1/decisions/{genuine}").json()["outcomes"]
    assert {each["at"] for each in shown} == {"2026-11-22T17:00:00Z"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"outcomes": []}', b'{"outcomes": [1]}'])
def test_what_is_no_batch_is_refused(shared: Installation, body: bytes) -> None:
    refused = shared.http.post("/v1/outcomes", content=body, headers={"Content-Type": "application/json"})
    is_problem(refused, 422, "invalid_request")


def test_a_large_batch_is_written_in_short_transactions(shared: Installation) -> None:
    batch = [an_outcome(decision(shared), "seen") for _ in range(3)] + [an_outcome(decision(shared)) for _ in range(2)]
    many = [{**each, "event": f"{each['event']}-{number}"} for number in range(900) for each in batch]
    commits: list[object] = []
    noticed = commits.append
    event.listen(shared.engine, "commit", noticed)
    try:
        assert shared.report(*many)["accepted"] == 4500
        assert len(commits) == 3
        assert shared.report(*many) == {"accepted": 0, "duplicates": 4500, "rejected": []}
    finally:
        event.remove(shared.engine, "commit", noticed)


def test_a_locked_database_keeps_nothing_and_says_so(harbor: Installation) -> None:
    outcome = an_outcome(decision(harbor))
    harbor.impatient()
    with harbor.locked():
        is_problem(harbor.http.post("/v1/outcomes", json={"outcomes": [outcome]}), 503, "storage_unavailable")
    assert stored(harbor) == 0
    assert harbor.report(outcome)["accepted"] == 1
