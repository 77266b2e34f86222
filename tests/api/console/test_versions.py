"""Versions in plain words; promotions and roll-backs that are said first, confirmed, and refused in place."""

import pytest

from api.storage.database import reading, transaction
from api.storage.policies import list_deployments, standing
from api.storage.stages import Deployment, Stage
from bandit.decision import PolicyVersionId
from tests.api.console.pages import NASTY, hidden_fields, key_of, post, text_of
from tests.api.installation import Installation
from tests.api.learned import Learned

WHY = "it was evaluated on Monday"


def live(installation: Installation) -> str:
    with reading(installation.engine) as connection:
        return standing(connection).live


def latest(installation: Installation) -> Deployment:
    with reading(installation.engine) as connection:
        return list_deployments(connection)[0]


def confirmed(installation: Installation, path: str, **fields: str) -> tuple[str, int]:
    """Send a form twice, as a person does; where it leads and its status."""
    shown = post(installation, path, **fields)
    assert shown.status_code == 200, shown.text
    done = post(installation, path, **hidden_fields(shown))
    return done.headers.get("location", ""), done.status_code


def test_an_installation_that_learned_nothing_says_what_to_do(shared: Installation) -> None:
    text = text_of(shared.http.get("/console/versions"))
    assert "Nothing is learned yet" in text
    assert "uniform" in text
    assert "uniform has been live since the beginning" in text


def test_the_list_shows_worth_stage_and_the_gate(ready: Installation, learned: Learned) -> None:
    text = text_of(ready.http.get("/console/versions"))
    assert f"{learned.manifest.version} candidate" in text
    assert "uniform then:" in text
    assert "passes" in text


def test_a_page_beyond_the_last_leads_back(ready: Installation) -> None:
    assert "There is nothing on this page" in text_of(ready.http.get("/console/versions?page=99"))
    assert ready.http.get("/console/versions?page=0").status_code == 422


def test_the_page_tells_the_manifest_in_plain_words(ready: Installation, learned: Learned) -> None:
    manifest = learned.manifest
    text = text_of(ready.http.get(f"/console/versions/{manifest.version}"))
    rows = f"{manifest.rows:,}".replace(",", "\u202f")
    assert f"Learned from {rows} decisions that were seen" in text
    assert f"Reward {manifest.reward}" in text
    assert manifest.digest in text
    assert "a viewer without history is shown what most viewers watch".capitalize() in text
    assert "30 % of viewers" in text
    assert "Was never deployed" in text


def test_golden_pages_show_pictures_and_probabilities(ready: Installation, learned: Learned) -> None:
    first = ready.http.get(f"/console/versions/{learned.manifest.version}")
    assert "Golden pages 1 to 4 of 40" in text_of(first)
    assert "To made-up viewer" in first.text or "To a viewer without history" in first.text
    everything = "".join(
        ready.http.get(f"/console/versions/{learned.manifest.version}?golden={page}").text for page in range(1, 11)
    )
    assert "Harbor: " in everything
    assert 'class="picture thumb" src="/images/' in everything
    assert "Golden pages 37 to 40 of 40" in text_of(
        ready.http.get(f"/console/versions/{learned.manifest.version}?golden=99")
    )


@pytest.mark.parametrize("name", ["uniform", "default"])
def test_built_in_versions_have_a_page(shared: Installation, name: str) -> None:
    assert "Built in" in text_of(shared.http.get(f"/console/versions/{name}"))


def test_an_unknown_version_is_a_page_that_says_so(shared: Installation) -> None:
    answer = shared.http.get("/console/versions/nowhere")
    assert answer.status_code == 404
    assert "There is no such version" in text_of(answer)
    sent = post(shared, "/console/versions/nowhere/promote", stage="live", reason=WHY)
    assert sent.status_code == 404


def test_nothing_changes_before_it_is_confirmed(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    answer = post(ready, f"/console/versions/{version}/promote", stage="live", reason=WHY)
    text = text_of(answer)
    assert f"{version} decides for all viewers." in text
    assert "uniform, which is live now, stops deciding" in text
    assert f"Make {version} live" in text
    assert live(ready) == "uniform"


def test_confirmed_it_is_done_under_the_callers_name(ready: Installation, learned: Learned) -> None:
    version, ann = learned.manifest.version, key_of(ready, "operator")
    path = f"/console/versions/{version}/promote"
    shown = post(ready, path, stage="live", reason=WHY, headers=ann)
    done = post(ready, path, **hidden_fields(shown), headers=ann)
    assert (done.status_code, done.headers["location"]) == (303, f"/console/versions/{version}?done=promote")
    made = latest(ready)
    assert (made.version, made.stage, made.actor, made.reason) == (version, Stage.LIVE, "key:operator", WHY)
    text = text_of(ready.http.get(done.headers["location"]))
    assert "Promoted." in text
    assert "key:operator" in text
    assert ready.services.live.current.version == version


def test_a_canary_takes_a_share_in_percent(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    path = f"/console/versions/{version}/promote"
    assert confirmed(ready, path, stage="canary", share="2,5 %", reason=WHY)[1] == 303
    made = latest(ready)
    assert (made.stage, made.share) == (Stage.CANARY, 0.025)
    assert "Decides for 2.5 % of the viewers" in text_of(ready.http.get(f"/console/versions/{version}"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stage": "live"}, "Say why"),
        ({"stage": "live", "reason": "   "}, "Say why"),
        ({"stage": "live", "reason": "x" * 501}, "at most 500 characters"),
        ({"reason": WHY}, "Choose shadow, canary or live"),
        ({"stage": "candidate", "reason": WHY}, "Choose shadow, canary or live"),
        ({"stage": "canary", "reason": WHY}, "above 0 and at most 100"),
        ({"stage": "canary", "share": "0", "reason": WHY}, "above 0 and at most 100"),
        ({"stage": "canary", "share": "nan", "reason": WHY}, "above 0 and at most 100"),
        ({"stage": "canary", "share": "101", "reason": WHY}, "above 0 and at most 100"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    ready: Installation, learned: Learned, fields: dict[str, str], said: str
) -> None:
    answer = post(ready, f"/console/versions/{learned.manifest.version}/promote", **fields, confirmed="yes")
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert 'aria-invalid="true"' in answer.text
    assert live(ready) == "uniform"


def test_what_the_gate_stops_is_done_only_by_force_that_is_confirmed(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    never = PolicyVersionId(version)
    with transaction(ready.engine) as connection:
        connection.exec_driver_sql("DELETE FROM policy_evaluations")
    path = f"/console/versions/{never}/promote"
    stopped = post(ready, path, stage="live", reason=WHY)
    assert stopped.status_code == 409
    assert "It was never evaluated" in text_of(stopped)
    assert "confirmed" not in hidden_fields(stopped)
    refused = post(ready, path, **hidden_fields(stopped), confirmed="yes")
    assert refused.status_code == 409
    assert "may not decide" in text_of(refused)
    assert live(ready) == "uniform"
    warned = post(ready, path, **hidden_fields(stopped), force="yes")
    assert "You are going against the gate" in text_of(warned)
    assert live(ready) == "uniform"
    assert post(ready, path, **hidden_fields(warned)).status_code == 303
    assert latest(ready).overridden == ("it was never evaluated",)
    assert "forced" in text_of(ready.http.get(f"/console/versions/{version}"))


def test_what_was_confirmed_while_something_else_stood_is_not_done(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    path = f"/console/versions/{version}/promote"
    shown = post(ready, path, stage="canary", share="5", reason=WHY)
    ready.http.post("/v1/policies/default:promote", json={"reason": "somebody was faster"})
    answer = post(ready, path, **hidden_fields(shown))
    assert answer.status_code == 409
    assert "Another deployment was made" in text_of(answer)
    assert live(ready) == "default"


def test_a_roll_back_says_where_it_leads_and_goes_there(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    confirmed(ready, f"/console/versions/{version}/promote", stage="live", reason=WHY)
    asked = text_of(ready.http.get("/console/rollback"))
    assert f"{version} stops deciding." in asked
    location, status = confirmed(ready, "/console/rollback", reason="it baits")
    assert (status, location) == (303, "/console/versions/uniform?done=rollback")
    made = latest(ready)
    assert (made.rolled_back, made.reason) == (version, "it baits")
    assert live(ready) == "uniform"


def test_with_nothing_to_take_back_there_is_no_button(shared: Installation) -> None:
    answer = shared.http.get("/console/rollback")
    assert answer.status_code == 409
    assert "There is no version before uniform" in text_of(answer)
    assert 'name="reason"' not in answer.text


def test_a_shadow_is_taken_out_of_service(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    confirmed(ready, f"/console/versions/{version}/promote", stage="shadow", reason=WHY)
    assert "What it would have stated" in text_of(ready.http.get(f"/console/versions/{version}"))
    assert confirmed(ready, f"/console/versions/{version}/retire", reason="seen enough")[1] == 303
    assert latest(ready).stage is Stage.RETIRED


def test_the_live_version_is_not_promoted_again(ready: Installation) -> None:
    answer = post(ready, "/console/versions/uniform/promote", stage="live", reason=WHY)
    assert answer.status_code == 409
    assert "uniform is live already" in text_of(answer)


def test_reasons_are_shown_as_they_are_and_never_as_markup(ready: Installation, learned: Learned) -> None:
    path = f"/console/versions/{learned.manifest.version}/promote"
    shown = post(ready, path, stage="shadow", reason=NASTY)
    assert NASTY not in shown.text
    post(ready, path, **hidden_fields(shown))
    assert latest(ready).reason == NASTY
    for page in ("/console/versions", f"/console/versions/{learned.manifest.version}", "/console"):
        answer = ready.http.get(page)
        assert NASTY not in answer.text
        assert NASTY in text_of(answer)


@pytest.mark.parametrize(
    "path", ["/console/versions/uniform/promote", "/console/versions/uniform/retire", "/console/rollback"]
)
def test_who_may_not_deploy_is_told_and_changes_nothing(ready: Installation, path: str) -> None:
    for scope in ("creative", "serving"):
        answer = post(ready, path, stage="live", reason=WHY, confirmed="yes", headers=key_of(ready, scope))
        assert answer.status_code == 403
        assert "does not suffice" in text_of(answer)
    with reading(ready.engine) as connection:
        assert list_deployments(connection) == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"a=1", "text/plain"),
        (b"{}", "application/json"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(60)), "application/x-www-form-urlencoded"),
        (b"reason=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(ready: Installation, sent: bytes, kind: str) -> None:
    answer = ready.http.post("/console/rollback", content=sent, headers={"Content-Type": kind})
    assert answer.status_code in (413, 422)
    assert "What to do:" in text_of(answer)
