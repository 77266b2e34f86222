"""Training finds what viewers want, is a function of its input, and says what it cannot do."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.viewers import Audience, best_possible
from foundation.checkpoint import to_bytes
from foundation.encoder import next_title_scores
from foundation.errors import InvalidConfig, TooFewHistories, TrainingDiverged
from foundation.events import Action, Event, EventId
from foundation.model import ModelConfig
from foundation.tokens import tokenize
from foundation.trained import Foundation, TrainingConfig
from foundation.training import learning_share, train

QUICK = TrainingConfig(model=ModelConfig(dimension=8, layers=1, length=16), epochs=1, least_steps=3)


def test_it_closes_most_of_the_gap_between_popularity_and_the_truth(crowd: Audience, trained: Foundation) -> None:
    truth = best_possible(crowd, trained)
    report = trained.report
    assert report.beats_popularity
    assert report.test.questions == report.popularity.questions == truth.questions > 250
    gained = report.test.ndcg_at_10 - report.popularity.ndcg_at_10
    assert gained > 0.6 * (truth.ndcg_at_10 - report.popularity.ndcg_at_10) > 0.05


def test_the_report_counts_what_was_trained_on(crowd: Audience, trained: Foundation) -> None:
    report = trained.report
    assert report.viewers == len(crowd.histories)
    assert 0 < report.interactions < sum(len(tokenize(history)) for history in crowd.histories)
    assert report.validation.questions == report.test.questions
    assert report.epoch >= 1


def test_the_same_histories_and_seed_give_the_same_foundation(crowd: Audience) -> None:
    histories = crowd.histories[:40]
    first = to_bytes(train(histories, config=QUICK))
    assert to_bytes(train(iter(histories), config=QUICK)) == first
    assert to_bytes(train(histories, config=replace(QUICK, seed=1))) != first


def test_training_leaves_the_process_as_it_was(crowd: Audience) -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(crowd.histories[:40], config=replace(QUICK, threads=2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_what_only_held_out_interactions_hold_stays_unknown(crowd: Audience, make_event: Callable[..., Event]) -> None:
    histories = [list(history) for history in crowd.histories[:40]]
    last = histories[0][-1]
    histories[0].append(replace(last, event=EventId("new"), title="premiere", action=Action.FINISH))
    assert "premiere" not in train(histories, config=QUICK).vocabulary.titles


def test_what_was_finished_is_recommended_and_not_what_was_only_shown(make_event: Callable[..., Event]) -> None:
    rng = np.random.default_rng(0)
    shown, finished = [f"shown-{n}" for n in range(4)], [f"finished-{n}" for n in range(4)]
    histories: list[list[Event]] = []
    for viewer in range(30):
        story = [(str(rng.choice(shown)), Action.IMPRESSION) for _ in range(16)]
        story[::3] = [(str(rng.choice(finished)), Action.FINISH) for _ in story[::3]]  # an impression always follows
        histories.append([make_event(title, action, viewer=f"v{viewer}") for title, action in story])
    config = replace(QUICK, model=ModelConfig(dimension=8, layers=1, length=16, dropout=0.0), least_steps=20)
    foundation = train(histories, config=config)
    likely = np.exp(next_title_scores(foundation, histories)).mean(axis=0)
    chance = dict(zip(foundation.vocabulary.titles, likely, strict=True))
    assert min(chance[title] for title in finished) > 3 * max(chance[title] for title in shown)


def test_viewers_who_wanted_nothing_do_no_harm(crowd: Audience, make_event: Callable[..., Event]) -> None:
    idle = [[make_event(str(n), Action.IMPRESSION, viewer=f"idle-{v}") for n in range(5)] for v in range(5)]
    report = train([*idle, [], *crowd.histories[:20]], config=replace(QUICK, batch_size=1)).report
    assert report.viewers == 26
    assert np.isfinite(report.test.ndcg_at_10)


@pytest.mark.slow
def test_a_demo_sized_audience_is_learned_in_seconds(draw_audience: Callable[..., Audience]) -> None:
    crowd = draw_audience(2_000, titles=60, events=40)
    started = time.process_time()
    report = train(crowd.histories, config=TrainingConfig()).report
    assert time.process_time() - started < 40.0
    assert report.test.ndcg_at_10 > 1.3 * report.popularity.ndcg_at_10


def test_progress_rises_to_one(crowd: Audience) -> None:
    shares: list[float] = []
    train(crowd.histories[:40], config=replace(QUICK, epochs=3), progress=shares.append)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("viewers", [0, 9])
def test_too_few_histories_are_refused_with_the_remedy(crowd: Audience, viewers: int) -> None:
    with pytest.raises(TooFewHistories, match=f"{viewers} viewers .* send more events"):
        train(crowd.histories[:viewers], config=QUICK)


def test_viewers_without_wanted_interactions_do_not_count(make_event: Callable[..., Event]) -> None:
    idle = [[make_event(str(n), Action.IMPRESSION, viewer=str(v)) for n in range(5)] for v in range(50)]
    with pytest.raises(TooFewHistories, match="0 viewers"):
        train(idle, config=QUICK)


def test_a_loss_that_is_no_number_ends_the_training(crowd: Audience) -> None:
    with pytest.raises(TrainingDiverged, match="lower learning_rate"):
        train(crowd.histories[:40], config=replace(QUICK, learning_rate=1e30, least_steps=20))


def test_the_learning_rate_rises_and_falls() -> None:
    shares = [learning_share(step, 100) for step in range(100)]
    assert shares[0] == pytest.approx(0.2)
    assert max(shares) == 1.0 == shares[5]
    assert shares[5:] == sorted(shares[5:], reverse=True)
    assert shares[-1] == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"threads": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -1.0},
        {"hidden": 1.0},
    ],
)
def test_settings_outside_their_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig):
        TrainingConfig(**settings)  # pyright: ignore[reportArgumentType]
