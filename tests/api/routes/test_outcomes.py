"""POST /v1/outcomes: idempotent; a forged decision is refused alone, the rest of the batch counts."""

from typing import Any

import pytest

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


def test_a_locked_database_keeps_nothing_and_says_so(harbor: Installation) -> None:
    outcome = an_outcome(decision(harbor))
    harbor.impatient()
    with harbor.locked():
        is_problem(harbor.http.post("/v1/outcomes", json={"outcomes": [outcome]}), 503, "storage_unavailable")
    assert stored(harbor) == 0
    assert harbor.report(outcome)["accepted"] == 1
