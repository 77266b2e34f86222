"""The page of forecasts, and the whole evaluation on a version's page: the numbers that are stored, and no others."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from api.console.evaluated import comparison_of
from api.storage.database import reading, transaction
from api.storage.evaluations import add_evaluation, latest_evaluation
from api.storage.forecasts import Reading, list_forecasts, put_readings
from bandit.decision import PolicyVersionId
from bandit.gate import OffPolicyResult
from tests.api.console.pages import key_of, text_of
from tests.api.installation import Installation
from tests.api.learned import Learned
from tests.api.report.evaluations import COMPARED

PAGE = "/console/forecasts"


def promoted(ready: Installation, learned: Learned, **body: object) -> int:
    """Promote the learned version and return the number of its newest forecast."""
    path = f"/v1/policies/{learned.manifest.version}:promote"
    answer = ready.http.post(path, json={"reason": "a test", **body})
    assert answer.status_code == 200, answer.text
    with reading(ready.engine) as connection:
        return list_forecasts(connection)[0].forecast


def read_back(ready: Installation, forecast: int, value: float, *, days: int = 3) -> None:
    """Write down what came of a forecast, as the worker's job does."""
    readings = [
        Reading(
            day=date(2026, 1, 3) + timedelta(days=day),
            rows=1000 * (day + 1),
            viewers=500,
            value=value,
            low=value - 0.03 / (day + 1),
            high=value + 0.03 / (day + 1),
        )
        for day in range(days)
    ]
    with transaction(ready.engine) as connection:
        put_readings(connection, forecast, readings, until=datetime.now(UTC))


def test_before_anything_was_promoted_the_page_says_what_will_be_there(shared: Installation) -> None:
    assert "Nothing that was evaluated has been promoted yet" in text_of(shared.http.get(PAGE))
    assert "There is nothing on this page" in text_of(shared.http.get(PAGE, params={"page": 3}))


def test_forecasts_stand_beside_what_came_of_them(ready: Installation, learned: Learned) -> None:
    canary = promoted(ready, learned, stage="canary", share=0.5)
    live = promoted(ready, learned)
    with reading(ready.engine) as connection:
        told = list_forecasts(connection)[0]
    read_back(ready, canary, told.value)
    read_back(ready, live, told.value - 0.5)
    answer = ready.http.get(PAGE)
    text = text_of(answer)
    assert "50 % 1 of 2; 95 % are expected, and 1 % to 99 % cannot be ruled out" in text
    assert text.index("live did not come true") < text.index("canary came true")
    assert f"Foretold {told.value:.4f} [{told.low:.4f}, {told.high:.4f}]" in text
    assert f"Observed {told.value:.4f}" in text
    assert "By 2026-01-05" in text
    assert re.search(r"\sstyle=|<script>", answer.text) is None


def test_a_forecast_of_which_nothing_is_known_is_not_counted(ready: Installation, learned: Learned) -> None:
    promoted(ready, learned)
    text = text_of(ready.http.get(PAGE, params={"version": learned.manifest.version}))
    assert "cannot be told yet" in text
    assert "none can be told yet" in text
    assert "nothing was read yet" in text


def test_the_whole_evaluation_stands_on_the_versions_page(ready: Installation, learned: Learned) -> None:
    path = f"/console/versions/{learned.manifest.version}"
    text = text_of(ready.http.get(path))
    with reading(ready.engine) as connection:
        known = latest_evaluation(connection, learned.manifest.version)
    assert known is not None
    assert known.found is not None
    assert "The newest evaluation, whole" in text
    for each in known.found["estimates"]:
        assert f"{each['value']:.4f}" in text
    with transaction(ready.engine) as connection:
        add_evaluation(connection, replace(known, found=COMPARED))
    text = text_of(ready.http.get(path))
    assert "squarecb-1a2b3c4d5e6f earns more than uniform" in text
    assert "0.0858" in text


def test_an_evaluation_that_was_kept_in_short_has_no_whole(ready: Installation, learned: Learned) -> None:
    with transaction(ready.engine) as connection:
        known = latest_evaluation(connection, learned.manifest.version)
        assert known is not None
        add_evaluation(connection, replace(known, found=None))
    text = text_of(ready.http.get(f"/console/versions/{learned.manifest.version}"))
    assert "What it would have earned" in text
    assert "The newest evaluation, whole" not in text


def test_the_drawings_have_their_sheet(shared: Installation) -> None:
    answer = shared.http.get("/static/report/evaluation.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")


def test_only_who_deploys_may_look(ready: Installation) -> None:
    assert ready.http.get(PAGE, headers=key_of(ready, "creative")).status_code == 403
    assert ready.http.get(PAGE, headers=key_of(ready, "analyst")).status_code == 200


def test_what_the_gate_goes_by_is_drawn_from_where_live_stands() -> None:
    result = OffPolicyResult(
        version=PolicyVersionId("b"),
        live=PolicyVersionId("a"),
        reward="quality_play/1",
        rows=100,
        level=0.95,
        value=0.11,
        low=0.05,
        high=0.17,
        live_value=0.1,
        difference=0.01,
        difference_low=0.002,
        difference_high=0.018,
    )
    drawn = comparison_of(result)
    assert drawn is not None
    assert drawn.paired
    assert drawn.gate is not None
    assert drawn.live is not None
    assert drawn.gate < drawn.live < drawn.low < drawn.value < drawn.high
    unpaired = comparison_of(replace(result, difference=None, difference_low=None, difference_high=None))
    assert unpaired is not None
    assert unpaired.live is not None
    assert unpaired.low < unpaired.live
