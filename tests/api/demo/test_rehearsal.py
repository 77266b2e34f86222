"""The demo's simulation is a function of its seed, keeps viewers' ids out of event ids, and touches nobody's files."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from api.demo.audience import FIRST_DAY, Audience, histories, liking, make_audience
from api.demo.programme import GENRES, Showing, make_programme, titles_of
from api.demo.result import Result
from api.demo.run import run_demo
from api.demo.traffic import TITLES_A_PAGE, plan_season
from api.demo.truth import make_world, traits_of
from api.errors import BadInput

RESULT = Result(
    seed=0,
    decisions=10,
    uniform_true=0.07,
    learned_true=0.12,
    predicted=0.11,
    predicted_low=0.10,
    predicted_high=0.13,
    observed=0.12,
    uniform_observed=0.07,
    policy="squarecb-0",
    seconds=1.0,
)


def _cast(seed: int = 0) -> tuple[Audience, list[Showing]]:
    rng = np.random.default_rng(seed)
    return make_audience(rng, 60, genres=GENRES), make_programme(rng, 16)


def test_every_title_has_six_artworks_in_canonical_order() -> None:
    _, programme = _cast()
    assert len({showing.title.title for showing in programme}) == 16
    for showing in programme:
        assert len(showing.scenes) == 6
        assert list(showing.scenes) == sorted(showing.scenes)
        assert len({traits_of(scene).tobytes() for scene in showing.scenes.values()}) == 6


def test_histories_are_a_function_of_the_seed_and_hide_the_viewer_in_no_event_id() -> None:
    audience, programme = _cast()
    one, two = (list(histories(np.random.default_rng(3), audience, titles_of(programme))) for _ in range(2))
    assert one == two
    events = [event for history in one for event in history]
    assert len({event["event"] for event in events}) == len(events)
    assert not any(event["viewer"] in event["event"] for event in events)
    for history in one:
        plays = [datetime.fromisoformat(event["at"]) for event in history if event["action"] == "play"]
        assert plays == sorted(plays)


def test_viewers_watch_and_are_offered_what_fits_them() -> None:
    audience, programme = _cast()
    fits = liking(audience, titles_of(programme))
    places = {showing.title.title: index for index, showing in enumerate(programme)}
    watched = histories(np.random.default_rng(3), audience, titles_of(programme))
    chosen = [np.mean([fits[viewer, places[event["title"]]] for event in own]) for viewer, own in enumerate(watched)]
    assert np.mean(chosen) > fits.mean()
    season = plan_season(np.random.default_rng(4), "first", fits=fits, at=FIRST_DAY, seed=0)
    assert season.offers.shape == (60, TITLES_A_PAGE)
    assert np.take_along_axis(fits, season.offers, axis=1).mean() > fits.mean()


def test_the_world_holds_something_to_learn() -> None:
    audience, programme = _cast()
    world = make_world(np.random.default_rng(5), audience, programme)
    viewers, titles = world.pairs()
    rewards = world.expected_rewards(viewers, titles)
    fixed = rewards.reshape(60, 16, 6).mean(axis=0).max(axis=1).mean()
    assert rewards.mean() < fixed < rewards.max(axis=1).mean()


def test_a_result_says_whether_it_was_foretold_and_won() -> None:
    assert RESULT.covered
    assert RESULT.beaten
    assert not replace(RESULT, learned_true=0.131).covered
    assert not replace(RESULT, learned_true=0.099).covered
    assert not replace(RESULT, observed=0.07).beaten


def test_a_folder_that_is_not_a_demos_is_left_as_it_is(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("mine")
    with pytest.raises(BadInput, match="not made by a demo"):
        run_demo(tmp_path, seed=0, stills=None)
    assert [*tmp_path.iterdir()] == [letter]
    assert letter.read_text() == "mine"
