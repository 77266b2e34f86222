"""A trained foundation gives vectors and scores for any history, one by one or many at once."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import foundation.encoder
from benchmarks.viewers import Audience, taste_told
from foundation.encoder import encode_viewers, next_title_scores, title_vectors
from foundation.errors import InvalidHistory
from foundation.events import Event
from foundation.trained import Foundation

MakeEvent = Callable[..., Event]


def test_vectors_are_float32_of_unit_norm(crowd: Audience, trained: Foundation) -> None:
    vectors = encode_viewers(trained, crowd.histories)
    assert vectors.dtype == np.float32
    assert vectors.shape == (300, trained.config.model.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_many_at_once_are_the_same_as_one_by_one(
    crowd: Audience, hurried: Foundation, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = [crowd.histories[0][:number] for number in range(20)]
    single = np.concatenate([encode_viewers(hurried, [history]) for history in histories])
    monkeypatch.setattr(foundation.encoder, "BATCH_SIZE", 7)
    assert encode_viewers(hurried, iter(histories)) == pytest.approx(single, abs=1e-5)


def test_vectors_tell_the_tastes_of_their_viewers(crowd: Audience, trained: Foundation) -> None:
    assert taste_told(crowd, trained) > 0.75


def test_titles_that_the_same_viewers_want_lie_together(trained: Foundation) -> None:
    vectors = title_vectors(trained)
    names = list(vectors)
    table = np.stack([vectors[name] for name in names])
    cluster = np.array([int(name[-3:]) % 3 for name in names])
    assert np.linalg.norm(table, axis=1) == pytest.approx(1.0, abs=1e-5)
    alike = table @ table.T
    same = cluster[:, None] == cluster
    np.fill_diagonal(same, val=False)
    assert alike[same].mean() > alike[cluster[:, None] != cluster].mean() + 0.3


def test_titles_never_met_are_tolerated(hurried: Foundation, make_event: MakeEvent) -> None:
    strange = [make_event(f"nobody knows {number}", device="fridge", canvas="door") for number in range(5)]
    vectors = encode_viewers(hurried, [strange, []])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_viewer_of_whom_nothing_is_known_is_given_what_is_popular(crowd: Audience, trained: Foundation) -> None:
    (scores,) = next_title_scores(trained, [[]])
    wanted = {title: 0 for title in trained.vocabulary.titles}
    for event in (event for history in crowd.histories for event in history if event.action == "finish"):
        wanted[event.title] += 1
    popular = np.array([wanted[title] for title in trained.vocabulary.titles])
    assert np.corrcoef(np.exp(scores), popular)[0, 1] > 0.8


def test_no_histories_give_no_vectors(hurried: Foundation) -> None:
    assert encode_viewers(hurried, []).shape == (0, 8)
    assert next_title_scores(hurried, []).shape == (0, len(hurried.vocabulary.titles))


def test_scores_are_log_probabilities_of_the_known_titles(crowd: Audience, hurried: Foundation) -> None:
    scores = next_title_scores(hurried, crowd.histories[:9])
    assert scores.shape == (9, len(hurried.vocabulary.titles))
    assert np.exp(scores).sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_only_the_latest_interactions_are_read(crowd: Audience, hurried: Foundation) -> None:
    history = crowd.histories[0]
    length = hurried.config.model.length
    forgotten = encode_viewers(hurried, [[*history[:3], *history[-length:]], history[-length:]])
    assert forgotten[0] == pytest.approx(forgotten[1], abs=1e-5)


def test_the_order_that_events_are_handed_over_in_does_not_matter(crowd: Audience, hurried: Foundation) -> None:
    history = crowd.histories[0]
    both = encode_viewers(hurried, [history, history[::-1]])
    assert both[0] == pytest.approx(both[1], abs=1e-6)


def test_a_history_of_two_viewers_is_refused(crowd: Audience, hurried: Foundation) -> None:
    with pytest.raises(InvalidHistory):
        encode_viewers(hurried, [crowd.histories[0] + crowd.histories[1]])


def test_threads_are_put_back(crowd: Audience, hurried: Foundation) -> None:
    before = torch.get_num_threads()
    encode_viewers(hurried, crowd.histories[:2], threads=2)
    assert torch.get_num_threads() == before
