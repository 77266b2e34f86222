"""Artworks are comparable though a policy chose whom to show them to; parts of a log add up to the whole."""

from dataclasses import replace

import numpy as np
import pytest

from artwork.catalog import ArtworkId, TitleId
from bandit.bait import bait_reports
from bandit.comparison import ArtworkSums, PlayTerm, Shown, TitleSums, ValueTerm
from bandit.errors import InvalidExample
from bandit.ope.batch import Floats, Mask, viewer_keys
from bandit.ope.intervals.sequence import anytime_reach
from bandit.verdicts import artwork_verdicts


def log_of(rows: int = 6000, *, artworks: int = 3, seed: int = 0) -> Shown:
    """Half the viewers like artwork 0 and are shown it mostly, the others are shown anything; see `true_values`."""
    rng = np.random.default_rng(seed)
    viewers = rng.integers(300, size=rows)
    probabilities = np.full((rows, artworks), 1.0 / artworks)
    probabilities[viewers % 2 == 0] = [0.9, *[0.1 / (artworks - 1)] * (artworks - 1)]
    chosen = (rng.random((rows, 1)) >= probabilities.cumsum(axis=1)).sum(axis=1).clip(max=artworks - 1)
    taken = rng.random(rows) < np.where(viewers % 2 == 0, 0.5, 0.1 + 0.1 * (chosen == 1))
    return Shown(
        title=TitleId("t"),
        artworks=tuple(ArtworkId(name) for name in "abcdef"[:artworks]),
        images=tuple(f"image-{name}" for name in "abcdef"[:artworks]),
        probabilities=probabilities,
        chosen=chosen,
        viewers=viewer_keys([str(viewer) for viewer in viewers]),
        worth=np.column_stack([taken * 0.8, taken, taken * 0.6]),
    )


TRUE_VALUES = {"image-a": 0.8 * 0.3, "image-b": 0.8 * 0.35, "image-c": 0.8 * 0.3}


def part(shown: Shown, rows: Mask) -> Shown:
    return replace(
        shown,
        probabilities=shown.probabilities[rows],
        chosen=shown.chosen[rows],
        viewers=shown.viewers[rows],
        worth=shown.worth[rows],
    )


def sums_of(*parts: Shown) -> ArtworkSums:
    sums = ArtworkSums()
    for each in parts:
        sums.add(each)
    return sums


def only_title(sums: ArtworkSums) -> TitleSums:
    (title,) = sums.titles()
    return title


def value_of(title: TitleSums, image: str) -> float:
    return title.value(image).ratio(ValueTerm.REWARD, ValueTerm.WEIGHT)[0]


def test_an_artwork_is_valued_on_all_viewers_and_not_on_those_that_it_was_shown_to() -> None:
    shown = log_of(60_000)
    title = only_title(sums_of(shown))
    for image, value in TRUE_VALUES.items():
        assert value_of(title, image) == pytest.approx(value, abs=0.01)
    naive = shown.worth[shown.chosen == 0, 0].mean()
    assert naive > TRUE_VALUES["image-a"] + 0.03


def test_both_sides_of_a_contrast_have_the_same_viewers() -> None:
    """A row of an even viewer counts 0.9 · 0.1, one of an odd viewer 1/3 · 2/3, on either side."""
    own, others = only_title(sums_of(log_of(60_000))).contrast("image-a")
    even, odd = 0.09, 2 / 9
    among_alike = (even * 0.5 + odd * 0.1) / (even + odd)
    shown_b = (even * 0.5 + odd * 0.15) / (even + odd)
    assert own.ratio(PlayTerm.TAKE, PlayTerm.WEIGHT)[0] == pytest.approx(among_alike, abs=0.01)
    assert others.ratio(PlayTerm.TAKE, PlayTerm.WEIGHT)[0] == pytest.approx(shown_b, abs=0.01)
    assert own.total(PlayTerm.WEIGHT) == pytest.approx(own.mass, rel=0.05)
    assert others.total(PlayTerm.WEIGHT) == pytest.approx(others.mass, rel=0.05)


def test_parts_in_any_order_and_merged_give_what_the_whole_gives() -> None:
    shown = log_of()
    rows = np.random.default_rng(1).integers(3, size=len(shown))
    parts = [part(shown, rows == number) for number in (2, 0, 1)]
    merged = sums_of(*parts[:1]) + sums_of(*parts[1:])
    for one, other in zip(artwork_verdicts(sums_of(shown)), artwork_verdicts(merged), strict=True):
        assert (one.image, one.decisions, one.verdict) == (other.image, other.decisions, other.verdict)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high), abs=1e-12)
    for one, other in zip(bait_reports(sums_of(shown)), bait_reports(merged), strict=True):
        assert (one.index, one.low, one.high) == pytest.approx((other.index, other.low, other.high), abs=1e-12)


def test_the_order_in_which_artworks_are_named_changes_nothing() -> None:
    shown = log_of()
    turned = replace(
        shown,
        artworks=shown.artworks[::-1],
        images=shown.images[::-1],
        probabilities=shown.probabilities[:, ::-1],
        chosen=2 - shown.chosen,
    )
    halves = np.arange(len(shown)) % 2 == 0
    mixed = sums_of(part(shown, halves), part(turned, ~halves))
    assert value_of(only_title(mixed), "image-b") == pytest.approx(value_of(only_title(sums_of(shown)), "image-b"))
    assert len(only_title(mixed).strata) == 1


def test_artworks_are_compared_only_where_both_were_eligible() -> None:
    """Before c came, everything was played more: that says nothing for a against c."""
    late, early = log_of(30_000), log_of(30_000, artworks=2, seed=1)
    early = replace(early, worth=np.maximum(early.worth, 0.5))
    title = only_title(sums_of(early, late))
    one, other = title.pair("image-a", "image-c")
    difference = one.ratio(ValueTerm.REWARD, ValueTerm.WEIGHT)[0] - other.ratio(ValueTerm.REWARD, ValueTerm.WEIGHT)[0]
    assert difference == pytest.approx(0.0, abs=0.02)
    assert value_of(title, "image-a") > TRUE_VALUES["image-a"] + 0.1
    assert title.rivals("image-c") == ["image-a", "image-b"]


def test_one_picture_under_two_names_is_one_with_the_chances_of_both() -> None:
    shown = log_of()
    twice = sums_of(replace(shown, images=("image-a", "image-b", "image-b")))
    title = only_title(twice)
    assert title.images == ["image-a", "image-b"]
    assert title.decisions("image-b") == int((shown.chosen > 0).sum())
    expected = (TRUE_VALUES["image-b"] + TRUE_VALUES["image-c"]) / 2
    assert value_of(title, "image-b") == pytest.approx(expected, abs=0.03)


def test_pictures_that_no_longer_compete_are_left_out() -> None:
    (title,) = sums_of(log_of()).titles(among={"image-a", "image-c"})
    assert title.images == ["image-a", "image-c"]
    assert title.rivals("image-a") == ["image-c"]


def test_an_arm_that_was_hardly_possible_tells_little_whatever_was_drawn() -> None:
    shown = log_of()
    rare = replace(shown, probabilities=np.tile([0.998, 0.001, 0.001], (len(shown), 1)), chosen=shown.chosen * 0)
    title = only_title(sums_of(rare))
    assert title.value("image-a").effective == pytest.approx(0.998 * len(shown))
    assert title.value("image-b").effective == pytest.approx(0.001 * len(shown))


def test_decisions_with_an_impossible_artwork_compare_nothing() -> None:
    shown = log_of()
    certain = replace(shown, probabilities=np.tile([1.0, 0.0, 0.0], (len(shown), 1)), chosen=shown.chosen * 0)
    assert list(sums_of(certain).titles()) == []
    assert only_title(sums_of(certain, shown)).decisions("image-a") == int((shown.chosen == 0).sum())


@pytest.mark.parametrize("wrong", [0.0, 2.0, np.nan])
def test_a_probability_or_a_worth_that_cannot_be_is_refused(wrong: float) -> None:
    shown = log_of(100)
    probabilities = shown.probabilities.copy()
    probabilities[7, shown.chosen[7]] = wrong
    with pytest.raises(InvalidExample, match=r"title t: .* drop the row"):
        sums_of(replace(shown, probabilities=probabilities))
    with pytest.raises(InvalidExample, match="value the decisions again"):
        sums_of(replace(shown, worth=shown.worth + (wrong or -1.0)))


def ever_missed(means: Floats, reach: Floats, errors: Floats) -> float:
    return float((np.abs(means) > reach * errors).any(axis=1).mean())


def test_an_anytime_interval_holds_at_every_look_and_a_normal_one_does_not() -> None:
    looks = np.unique(np.geomspace(20, 20_000, 300).astype(np.int64))
    walks = np.random.default_rng(0).normal(size=(600, 20_000)).cumsum(axis=1)[:, looks - 1] / looks
    errors = 1.0 / np.sqrt(looks)
    reach = anytime_reach(looks.astype(np.float64), risk=0.05, buckets=100_000, tuned_at=500.0)
    assert ever_missed(walks, reach, errors) <= 0.05
    assert ever_missed(walks, np.full(len(looks), 1.96), errors) > 0.3


def test_the_reach_is_least_near_where_it_was_tuned_and_pays_for_few_buckets_and_little_risk() -> None:
    at = np.array([5.0, 500.0, 5e6])
    near = anytime_reach(at, risk=0.05, buckets=64, tuned_at=500.0)
    assert near.argmin() == 1
    assert near[1] == pytest.approx(3.18, abs=0.05)
    assert anytime_reach(at, risk=0.05, buckets=16, tuned_at=500.0)[1] > near[1]
    assert anytime_reach(at, risk=0.01, buckets=64, tuned_at=500.0)[1] > near[1]
