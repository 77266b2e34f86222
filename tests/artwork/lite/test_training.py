"""Locked-image tuning: the targets are right, a short run learns, and a seed gives the same weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from artwork.embedding import new_lite_model
from artwork.lite.captions import Attribute
from artwork.lite.scene import random_scene
from artwork.lite.training import TrainingConfig, codes_of, contrastive_loss, draw_lesson, train, truth

SHORT = TrainingConfig(seed=3, images=16, epochs=2, batch=8, captions=4, threads=1)


def test_a_caption_is_true_of_every_image_that_shares_what_it_speaks_of() -> None:
    codes = torch.tensor([[0, 1], [0, 2], [3, 1]])
    spoken = torch.tensor([[True, False], [True, True]])
    expected = [[True, False], [True, True], [False, False]]
    assert truth(codes, spoken).tolist() == expected


def test_the_loss_is_least_where_all_true_pairs_agree() -> None:
    matches = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    right = torch.where(matches, 20.0, -20.0)
    assert contrastive_loss(right, matches).item() == pytest.approx(2 / 3 * math.log(2), abs=1e-4)
    assert contrastive_loss(-right, matches).item() > 10


def test_an_image_that_no_caption_is_true_of_is_only_a_negative() -> None:
    matches = torch.tensor([[True], [False]])
    logits = torch.tensor([[20.0], [-20.0]])
    assert contrastive_loss(logits, matches).item() == pytest.approx(0, abs=1e-4)


def test_codes_leave_out_what_cannot_be_seen() -> None:
    rng = np.random.default_rng(0)
    scenes = [random_scene(rng) for _ in range(100)]
    codes = codes_of(scenes)
    assert codes.shape == (100, len(Attribute))
    hidden = codes[:, list(Attribute).index(Attribute.EXPRESSION)] == -1
    assert hidden.tolist() == [scene.expression is None for scene in scenes]


def test_features_come_from_the_trunk_in_order() -> None:
    rng = np.random.default_rng(0)
    scenes = [random_scene(rng) for _ in range(18)]
    model = new_lite_model()
    whole = draw_lesson(model, scenes, rng=np.random.default_rng(1))
    assert whole.features.shape == (18, 1280)
    part = draw_lesson(model, scenes[:3], rng=np.random.default_rng(1))
    torch.testing.assert_close(part.features, whole.features[:3], rtol=1e-4, atol=1e-4)


def test_a_short_run_learns_and_is_the_same_again() -> None:
    part, loss = train(SHORT)
    again, same = train(SHORT)
    assert loss == same
    assert all(torch.equal(tensor, again.state[name]) for name, tensor in part.state.items())
    _, longer = train(replace(SHORT, epochs=14))
    assert longer < loss - 0.5
