"""The model is causal, reads every field, and its vectors have unit norm."""

import numpy as np
import pytest
import torch
from torch import Tensor

from foundation.errors import InvalidConfig
from foundation.model import ModelConfig, ViewerModel
from foundation.objectives import next_title_loss

SIZES = (12, 13, 4, 3, 9, 8, 10, 7)


@pytest.fixture
def model() -> ViewerModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ViewerModel(ModelConfig(dimension=8, heads=2, layers=2, length=10), SIZES).eval()


@pytest.fixture
def rows() -> Tensor:
    rng = np.random.default_rng(0)
    return torch.tensor(np.stack([rng.integers(0, size, (3, 10)) for size in SIZES], axis=-1))


def test_vectors_have_unit_norm(model: ViewerModel, rows: Tensor) -> None:
    torch.testing.assert_close(model(rows).norm(dim=-1), torch.ones(3, 10))
    torch.testing.assert_close(model.title_vectors().norm(dim=-1), torch.ones(10))


def test_what_comes_later_changes_nothing_before_it(model: ViewerModel, rows: Tensor) -> None:
    changed = rows.clone()
    changed[:, 6:] = 1
    torch.testing.assert_close(model(rows)[:, :6], model(changed)[:, :6])
    torch.testing.assert_close(model(rows)[:, :6], model(rows[:, :6]))
    assert not torch.allclose(model(rows)[:, 6:], model(changed)[:, 6:])


@pytest.mark.parametrize("field", range(len(SIZES)))
def test_every_field_is_read(model: ViewerModel, rows: Tensor, field: int) -> None:
    changed = rows.clone()
    changed[:, 0, field] = (rows[:, 0, field] + 1) % SIZES[field]
    before, after = model(rows), model(changed)
    assert not torch.allclose(before[:, 0], after[:, 0])
    assert not torch.allclose(before[:, -1], after[:, -1])


def test_fields_do_not_share_embeddings(model: ViewerModel) -> None:
    assert model.fields.num_embeddings == sum(SIZES[1:])
    assert [int(offset) for offset in model.offsets] == [int(total) for total in np.cumsum([0, *SIZES[1:-1]])]


def test_order_matters(model: ViewerModel, rows: Tensor) -> None:
    swapped = rows.clone()
    swapped[:, [2, 5]] = rows[:, [5, 2]]
    assert not torch.allclose(model(rows)[:, -1], model(swapped)[:, -1])


def test_scores_are_the_scaled_products_and_the_familiarity(model: ViewerModel, rows: Tensor) -> None:
    viewers = model(rows)[:, -1]
    with torch.no_grad():
        model.familiarity.uniform_(-1, 1)
    expected = model.sharpness.exp() * (viewers @ model.title_vectors().T) + model.familiarity
    torch.testing.assert_close(model.scores(viewers), expected)


def test_the_loss_weighs_each_target_by_its_worth() -> None:
    scores = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    targets = torch.tensor([0, 0])
    each = -scores.log_softmax(-1)[:, 0]
    for first, second in ((1.0, 1.0), (1.0, 0.02)):
        loss = next_title_loss(scores, targets, weights=torch.tensor([first, second]))
        torch.testing.assert_close(loss, (first * each[0] + second * each[1]) / (first + second))


@pytest.mark.parametrize(
    "settings",
    [
        {"dimension": 0},
        {"layers": 0},
        {"length": 1},
        {"dimension": 10, "heads": 2},
        {"dropout": 1.0},
        {"dropout": -0.1},
    ],
)
def test_a_model_that_cannot_be_built_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig):
        ModelConfig(**settings)  # pyright: ignore[reportArgumentType]
