"""The explorer: what would be shown is what is shown, why artworks are kept out, and no raw viewer id anywhere."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from httpx import Response

from bandit.decision import Rung
from tests.api.cli.command import Command
from tests.api.console.pages import NASTY, hidden_fields, key_of, post, text_of
from tests.api.installation import AT, Installation, an_outcome, running, settings_in
from tests.api.learned import Learned

VIEWER = "a-viewer-nobody-may-read"


def ask(installation: Installation, viewer: str = VIEWER, title: str = "harbor", **more: str) -> Response:
    fields = {"viewer": viewer, "title": title, "at": AT.strftime("%Y-%m-%dT%H:%M"), "device": "tv", **more}
    return post(installation, "/console/explorer", **fields)


def order(installation: Installation, path: str, body: Mapping[str, Any]) -> None:
    answer = installation.http.post(path, json=dict(body))
    assert answer.status_code in (200, 201), answer.text
    installation.services.refresh()


def test_the_form_asks_and_is_filled_in_by_the_gallery(shared: Installation) -> None:
    answer = shared.http.get("/console/explorer?title=harbor")
    assert 'value="harbor"' in answer.text
    assert 'method="post" action="/console/explorer' in answer.text
    assert "/console/explorer?title=harbor" in shared.http.get("/gallery/harbor").text


def test_what_would_be_drawn_is_what_is_drawn(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "to be looked at"})
    for viewer in ("even-0", "odd-1", "even-2", "newcomer"):
        text = text_of(ask(ready, viewer))
        [slot] = ready.select("harbor", viewer=viewer)["slots"]
        assert f"{slot['artwork']} {100 * slot['probability']:.1f} %" in text
        assert f"Decided by {learned.manifest.version} live" in text


def test_it_says_why_against_the_default_and_what_history_changes(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "to be looked at"})
    text = text_of(ask(ready, "odd-1"))
    assert "in predicted reward against the default artwork" in text
    assert "viewer" in text
    assert "without history" in text
    assert "Last watched:" in text


def test_looking_logs_and_counts_nothing(ready: Installation) -> None:
    def counted() -> list[str]:
        lines = ready.http.get("/metrics").text.splitlines()
        return [line for line in lines if line.startswith(("keyart_pages_total", "keyart_decisions_total"))]

    before = counted(), ready.services.log.counts()
    ask(ready)
    assert (counted(), ready.services.log.counts()) == before


def test_c11_the_raw_viewer_id_is_in_no_answer_no_address_and_no_log(
    ready: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [ask(ready), ask(ready, title="nowhere"), ask(ready, position="none"), ask(ready, VIEWER + "\x00")]
    for answer in answers:
        assert VIEWER not in answer.text
        assert VIEWER not in str(answer.url)
    assert VIEWER not in caplog.text
    assert all(VIEWER.encode() not in path.read_bytes() for path in ready.home.rglob("*") if path.is_file())


def test_the_same_viewer_can_be_asked_about_again_without_typing(ready: Installation) -> None:
    first = ask(ready, "even-0")
    fields = hidden_fields(first)
    assert fields["known"] == ready.keys.pseudonym("even-0")
    assert text_of(ask(ready, "", known=fields["known"])) == text_of(first)


def test_after_a_rotation_the_same_viewer_is_asked_about_by_the_new_name(
    ready: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    known = hidden_fields(ask(ready, "even-0"))["known"]
    assert Command(capsys)("secret", "rotate", "--home", ready.home).code == 0
    with running(ready.settings) as restarted:
        asked = ask(restarted, "", known=known)
        fields = hidden_fields(asked)
        assert fields["known"] == restarted.keys.pseudonym("even-0") != known
        assert text_of(ask(restarted, "", known=fields["known"])) == text_of(asked)


def test_the_time_decides_until_when_it_stays(shared: Installation) -> None:
    text = text_of(ask(shared))
    assert "Shown at 2026-01-02 20:00 UTC" in text
    assert "Stays until 2026-01-03 00:00 UTC" in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"viewer": ""}, "Type the viewer's id"),
        ({"viewer": "", "known": "not a pseudonym"}, "Type the viewer's id"),
        ({"viewer": "x" * 257}, "at most 256"),
        ({"title": ""}, "Choose a title"),
        ({"at": "yesterday"}, "Give a time in UTC"),
        ({"at": "0001-01-01T00:00+23:00"}, "Give a time in UTC"),
        ({"position": "0"}, "Give a number from 1 on"),
        ({"score": "nan"}, "Give a number"),
        ({"device": "x" * 65}, "at most 64 printable"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(shared: Installation, fields: dict[str, str], said: str) -> None:
    answer = ask(shared, **fields)
    assert answer.status_code == 422
    assert said in text_of(answer)


def test_a_title_that_cannot_be_shown_says_what_to_do(harbor: Installation) -> None:
    unknown = ask(harbor, title="nowhere")
    assert (unknown.status_code, "There is no title" in text_of(unknown)) == (404, True)
    harbor.http.put("/v1/titles/bare", json={"name": "Bare"})
    harbor.services.refresh()
    bare = ask(harbor, title="bare")
    assert (bare.status_code, "keyart worker" in text_of(bare)) == (409, True)


def test_what_keeps_an_artwork_out_is_said(harbor: Installation) -> None:
    harbor.put_title("tundra", artworks=6, maturity="12")
    for artwork, facts in (
        ("a", {"default": True}),
        ("b", {"locales": ["fr"]}),
        ("c", {"devices": ["phone"]}),
        ("d", {"maturity": "18"}),
        ("e", {"spoiler": True}),
        ("f", {}),
    ):
        harbor.http.put(f"/v1/titles/tundra/artworks/{artwork}", json=facts)
    order(harbor, "/v1/titles/tundra/artworks/f:pause", {"reason": "rights"})
    text = text_of(ask(harbor, title="tundra", locale="en-GB"))
    assert "it is for fr, and the request's locale is en-GB" in text
    assert "it is for phone, and the request's device is tv" in text
    assert "it is rated 18, the title 12" in text
    assert "it tells the end, and the viewer has not finished the title" in text
    assert "it is paused: rights" in text
    assert text.count("kept out") == 5
    assert "a 100.0 %" in text


def test_pins_schedules_and_shares_are_said(harbor: Installation) -> None:
    order(harbor, "/v1/titles/harbor/guards", {"kind": "share", "artwork": "b", "minimum": 0.4, "reason": "new"})
    late = {"kind": "schedule", "artwork": "c", "from": "2099-01-01T00:00:00Z", "reason": "season"}
    order(harbor, "/v1/titles/harbor/guards", late)
    text = text_of(ask(harbor))
    assert "a share keeps it between 40 % and 100 %" in text
    assert "it is scheduled from 2099-01-01 00:00 UTC only" in text
    order(harbor, "/v1/titles/harbor/guards", {"kind": "pin", "artwork": "a", "reason": "premiere"})
    pinned = text_of(ask(harbor))
    assert "It is pinned: everybody it holds for is shown it" in pinned
    assert "a is pinned" in pinned


def test_a_held_back_viewer_is_told_from_one_that_no_policy_could_decide_for(learned_home: Any) -> None:
    with running(settings_in(learned_home, hold_back=1.0)) as installation:
        text = text_of(ask(installation))
        assert "this viewer is held back" in text
        assert "Could be shown; only the default artwork is." in text


def test_a_logged_decision_with_its_outcomes_and_rewards(ready: Installation) -> None:
    [slot] = ready.select("harbor", viewer="even-0")["slots"]
    ready.report(an_outcome(slot["decision"], "seen"), an_outcome(slot["decision"], "played", seconds=3000.0))
    ready.join()
    led = ready.http.get("/console/decisions", params={"decision": f" {slot['decision']} "}, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, f"/console/decisions/{slot['decision']}")
    text = text_of(ready.http.get(led.headers["location"]))
    assert f"Harbor: {slot['artwork']}" in text
    assert Rung.LIVE.value in text
    assert "50 min of" in text or "50 min" in text
    assert "quality_play/1 0.7500 final" in text
    assert ready.keys.pseudonym("even-0") in text


@pytest.mark.parametrize("decision", ["", "forged", "0" * 32 + "-00-" + "0" * 16, "../../etc"])
def test_an_id_that_was_not_issued_is_refused_in_place(shared: Installation, decision: str) -> None:
    answer = shared.http.get("/console/decisions", params={"decision": decision})
    assert answer.status_code == 404
    assert "The decision id was not issued here" in text_of(answer)
    assert 'id="decision-error"' in answer.text


def test_a_decision_that_was_not_logged_says_so(shared: Installation) -> None:
    decision = shared.keys.sign_decision("0" * 32, 0, logged=False)  # type: ignore[arg-type]
    answer = shared.http.get(f"/console/decisions/{decision}")
    assert answer.status_code == 404
    assert "logged: false" in text_of(answer)


def test_names_and_labels_are_shown_as_they_are_and_never_as_markup(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/harbor", json={"name": NASTY})
    harbor.http.put("/v1/titles/harbor/artworks/a", json={"label": NASTY})
    harbor.services.refresh()
    for answer in (ask(harbor), ask(harbor, locale=NASTY), ask(harbor, title=NASTY)):
        assert NASTY not in answer.text
    decision = harbor.select("harbor")["slots"][0]["decision"]
    assert NASTY not in harbor.http.get(f"/console/decisions/{decision}").text


def test_creative_teams_and_servers_may_not_look_at_viewers(harbor: Installation) -> None:
    for scope, status in (("creative", 403), ("serving", 403), ("analyst", 200), ("operator", 200)):
        headers = key_of(harbor, scope)
        sent = post(harbor, "/console/explorer", viewer=VIEWER, title="harbor", headers=headers)
        assert sent.status_code == status, scope
        overview = harbor.http.get("/console", headers=headers)
        assert overview.status_code == status
        assert ("Log in with another key" in overview.text) is (status == 403), "not a dead end"
