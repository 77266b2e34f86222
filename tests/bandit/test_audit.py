"""The audit finds an attribute that leaks, clears one that does not, and keeps its promise of a level."""

import numpy as np
import pytest

from bandit.audit import LEAST_VIEWERS, UnfitAttribute, audit

VIEWERS = 600


def rows(seed: int = 0, columns: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(VIEWERS, columns))


def coin(seed: int, values: int = 2) -> list[str]:
    return [f"v{n}" for n in np.random.default_rng(seed).integers(values, size=VIEWERS)]


def test_c10_an_attribute_that_the_features_give_away_is_found() -> None:
    seen = rows()
    leaking = np.where(seen[:, 2] + 0.7 * np.random.default_rng(1).normal(size=VIEWERS) > 0, "old", "young")
    found = audit(seen, leaking.tolist(), groups={"telling": range(2, 4), "silent": range(4, 8)})
    assert found.predicts
    assert [each.value for each in found.values] == ["old", "young"]
    for each in found.values:
        assert 0.8 < each.low < each.auc < each.high < 1.0
    assert found.balanced_accuracy > 0.75
    assert found.groups["telling"] == pytest.approx(found.balanced_accuracy, abs=0.03)
    assert found.groups["silent"] == pytest.approx(found.chance, abs=0.08)


def test_c10_a_random_attribute_is_cleared_as_often_as_the_level_says() -> None:
    blamed = [audit(rows(seed), coin(1000 + seed, values=2 + seed % 2)).predicts for seed in range(60)]
    assert sum(blamed) <= 5


def test_the_interval_holds_the_truth_of_a_known_rule() -> None:
    """Two normal groups one apart in one column: AUC = Φ(1 / √2) = .7602."""
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        members = rng.random(VIEWERS) < 0.3
        seen = rng.normal(size=(VIEWERS, 1)) + members[:, None]
        values = np.where(members, "yes", "no").tolist()
        [_, yes] = audit(seen, values, level=0.9).values
        inside += yes.low <= 0.7602 <= yes.high
    assert inside >= 34


def test_a_rare_value_is_recognised_as_readily_as_a_common_one() -> None:
    seen = rows()
    rare = seen[:, 0] > 1.7
    assert LEAST_VIEWERS <= rare.sum() < 50
    found = audit(seen, np.where(rare, "rare", "common").tolist())
    assert found.balanced_accuracy > 0.9


def test_three_values_are_told_from_one_another() -> None:
    seen = rows()
    third = np.argmax(seen[:, :3], axis=1)
    found = audit(seen, [f"v{n}" for n in third])
    assert found.chance == pytest.approx(1 / 3)
    assert found.balanced_accuracy > 0.8
    assert sum(each.viewers for each in found.values) == found.viewers == VIEWERS


def test_columns_that_never_change_and_equal_scores_do_no_harm() -> None:
    found = audit(np.ones((VIEWERS, 3)), coin(3))
    assert [each.auc for each in found.values] == [0.5, 0.5]
    assert not found.predicts


def test_the_same_seed_gives_the_same_audit() -> None:
    one, again, other = (audit(rows(), coin(1), seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert one != other


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (["same"] * VIEWERS, "1 values"),
        ([str(n) for n in range(VIEWERS)], "600 values"),
        (["yes"] * (LEAST_VIEWERS - 1) + ["no"] * (VIEWERS - LEAST_VIEWERS + 1), "'yes' has 19"),
    ],
)
def test_an_attribute_that_cannot_be_audited_is_refused(values: list[str], named: str) -> None:
    with pytest.raises(UnfitAttribute, match=named):
        audit(rows(), values)


def test_rows_that_do_not_fit_are_refused() -> None:
    broken = rows()
    broken[3, 3] = np.nan
    for seen, values in ((broken, coin(1)), (rows()[1:], coin(1)), (rows()[:, 0], coin(1))):
        with pytest.raises(ValueError, match="finite"):
            audit(seen, values)
