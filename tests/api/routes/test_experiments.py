"""/v1/experiments: planned, started and stopped without a restart; conditions and the gate hold."""

from typing import Any

import pytest

from api.jobs.experimenting import read_experiments
from tests.api.installation import Installation
from tests.api.jobs.test_experimenting import show, turn
from tests.api.learned import Learned
from tests.api.problems import is_problem

PLAN: dict[str, Any] = {
    "experiment": "warm",
    "share": 1.0,
    "cells": [{"name": "control", "policy": "live"}, {"name": "fixed", "policy": "default"}],
    "rules": {"guardrails": ["completion"]},
}
WHY = {"reason": "a test"}


def post(installation: Installation, path: str = "", body: Any = WHY, **headers: str) -> Any:
    return installation.http.post(f"/v1/experiments{path}", json=body, headers=headers)


def test_an_experiment_decides_between_its_start_and_its_stop_and_is_read(harbor: Installation) -> None:
    harbor.put_title("tundra")
    planned = post(harbor, body=PLAN)
    assert (planned.status_code, planned.json()["state"], planned.json()["cells"][0]["policy"]) == (
        201,
        "draft",
        "uniform",
    )
    is_problem(post(harbor, body=PLAN), 409, "conflict")
    viewers = [f"viewer-{number}" for number in range(40)]
    assert post(harbor, "/warm:start").json()["state"] == "running"
    show(harbor, viewers)
    assert {harbor.select(viewer=viewer)["policy"] for viewer in viewers} == {"uniform", "default"}
    decision = harbor.select(viewer="viewer-1")["slots"][0]["decision"]
    assert harbor.http.get(f"/v1/decisions/{decision}").json()["cell"] in ("warm/control", "warm/fixed")
    assert harbor.http.get("/v1/experiments/warm").json()["reading"] is None
    read_experiments(turn(harbor))
    found = harbor.http.get("/v1/experiments/warm").json()
    assert {each["metric"] for each in found["reading"]["comparisons"]} == {"reward", "completion"}
    stopped = post(harbor, "/warm:stop").json()
    assert (stopped["state"], stopped["stopped_because"]) == ("stopped", "a test")
    assert {harbor.select(viewer=viewer)["policy"] for viewer in viewers} == {"uniform"}
    is_problem(post(harbor, "/warm:stop"), 409, "conflict")
    [listed] = harbor.http.get("/v1/experiments").json()["experiments"]
    assert (listed["experiment"], listed["reading"]) == ("warm", None)


def test_a_writer_may_say_which_state_it_means(harbor: Installation) -> None:
    post(harbor, body=PLAN)
    seen = harbor.http.get("/v1/experiments/warm").headers["ETag"]
    assert post(harbor, "/warm:start", **{"If-Match": seen}).status_code == 200
    assert post(harbor, "/warm:stop", **{"If-Match": seen}).status_code == 412


def test_what_the_gate_has_something_against_needs_force(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    ready.http.post("/v1/policies/default:promote", json=WHY)  # the version was compared with what was live before
    cells = [{"name": "control", "policy": "live"}, {"name": "new", "policy": version}]
    assert post(ready, body={**PLAN, "cells": cells}).status_code == 201
    refused = post(ready, "/warm:start")
    is_problem(refused, 409, "conflict")
    assert "compared with uniform" in refused.json()["detail"]
    started = post(ready, "/warm:start", body={**WHY, "force": True}).json()
    assert started["cells"][1]["forecast"]["value"] > 0


def test_lists_go_on_where_they_ended(harbor: Installation) -> None:
    for name in ("a", "b", "c"):
        post(harbor, body={**PLAN, "experiment": name})
    first = harbor.http.get("/v1/experiments", params={"limit": 2}).json()
    second = harbor.http.get("/v1/experiments", params={"limit": 2, "cursor": first["next"]}).json()
    assert [each["experiment"] for each in (*first["experiments"], *second["experiments"])] == ["a", "b", "c"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"cells": PLAN["cells"][:1]}, 422),
        ({"cells": [PLAN["cells"][0], PLAN["cells"][0]]}, 422),
        ({"cells": [PLAN["cells"][0], {"name": "b", "policy": "squarecb-0"}]}, 404),
        ({"share": 0}, 422),
        ({"experiment": "A B"}, 422),
        ({"rules": {"risk": 0}}, 422),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(harbor: Installation, wrong: Any, status: int) -> None:
    answer = post(harbor, body={**PLAN, **wrong})
    assert answer.status_code == status, answer.text
    assert harbor.http.get("/v1/experiments").json()["experiments"] == []
