"""The pages of experiments: planned, started and stopped by a person; what is drawn is what was read."""

from datetime import UTC, datetime, timedelta

from api.jobs.experimenting import read_experiments
from tests.api.console.pages import NASTY, key_of, post, text_of
from tests.api.installation import Installation
from tests.api.jobs.test_experimenting import show, turn

PAGE = "/console/experiments"
PLAN = {
    "experiment": "warm",
    "hypothesis": NASTY,
    "share": 1.0,
    "cells": [{"name": "control", "policy": "live"}, {"name": "fixed", "policy": "default"}],
    "rules": {"smallest_lift": 0.5, "stops_itself": False},
}


def test_before_anything_was_planned_the_page_says_how(shared: Installation) -> None:
    assert "Nothing was planned yet" in text_of(shared.http.get(PAGE))
    assert shared.http.get(f"{PAGE}/nothing").status_code == 404


def test_a_person_starts_reads_and_stops_an_experiment(harbor: Installation) -> None:
    harbor.put_title("tundra")
    assert harbor.http.post("/v1/experiments", json=PLAN).status_code == 201
    draft = harbor.http.get(f"{PAGE}/warm")
    assert NASTY not in draft.text
    assert "Nothing is dealt yet" in text_of(draft)
    assert post(harbor, f"{PAGE}/warm/start").status_code == 422
    started = post(harbor, f"{PAGE}/warm/start", reason="let us see")
    assert (started.status_code, started.headers["location"]) == (303, f"{PAGE}/warm")
    assert "Nothing was read yet" in text_of(harbor.http.get(f"{PAGE}/warm"))
    show(harbor, [f"viewer-{number}" for number in range(80)])
    for minutes in (1, 2):
        read_experiments(turn(harbor, later=timedelta(minutes=minutes)))
    page = harbor.http.get(f"{PAGE}/warm")
    text = text_of(page)
    assert "better fixed is better than control" in text
    assert "How the lift of fixed settled" in text
    assert "fixed: reward" in text
    assert "Sample ratio: as planned" in text
    assert page.text.count("<svg") > 5
    assert "better" in text_of(harbor.http.get(PAGE))
    assert post(harbor, f"{PAGE}/warm/stop", reason="seen enough").status_code == 303
    ended = text_of(harbor.http.get(f"{PAGE}/warm"))
    assert "warm stopped" in ended
    assert f"Stopped {datetime.now(UTC):%Y-%m-%d}" in ended
    assert "seen enough" in ended
    assert post(harbor, f"{PAGE}/warm/stop", reason="again").status_code == 409


def test_the_creative_team_does_not_see_them(harbor: Installation) -> None:
    assert harbor.http.get(PAGE, headers=key_of(harbor, "creative")).status_code == 403
