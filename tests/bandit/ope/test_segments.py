"""Segments: where the target loses is found, what is luck is not, and memory is bounded whatever the values."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import EMBEDDING_VERSION, Batch, Labels
from bandit.ope.buckets import buckets
from bandit.ope.clusters import middles
from bandit.ope.compared import Segment, Verdict, where_it_loses
from bandit.ope.estimators.difference import Difference
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import Evaluator, Question, evaluate
from bandit.ope.segments import OTHER, Cutting, Segments

DEVICES = ("phone", "tv", "tablet")


def log(rows: int = 6000, *, seed: int = 5, apart: float = 0.3) -> Batch:
    """Two artworks, uniformly drawn; the target shows the first, which earns less on a tv and more on a phone."""
    rng = np.random.default_rng(seed)
    chosen, device = rng.integers(2, size=rows), rng.integers(3, size=rows)
    gap = np.array([apart, -apart, 0.0])[device]
    reward = (rng.random(rows) < 0.4 + gap * (chosen == 0)).astype(np.float64)
    return Batch(
        propensity=np.full(rows, 0.5),
        target=np.where(chosen == 0, 0.9, 0.1),
        baseline=np.where(chosen == 0, 0.1, 0.9),
        reward=reward,
        viewers=rng.integers(1 << 62, size=rows // 4).astype(np.uint64)[rng.integers(rows // 4, size=rows)],
        labels={"device": Labels(codes=device, names=DEVICES)},
        features={"score": rng.random(rows)},
    )


def read(*batches: Batch, cutting: Cutting | None = None) -> dict[tuple[str, str], Segment]:
    segments = Segments(cutting)
    for batch in batches:
        segments.add(batch)
    return {(one.dimension, one.value): one for one in segments.read()}


def test_where_the_target_loses_is_found_and_said() -> None:
    found = read(log())
    assert [(value, one.verdict) for (_, value), one in found.items()] == [
        ("tv", Verdict.WORSE),
        ("tablet", Verdict.UNCLEAR),
        ("phone", Verdict.BETTER),
    ]
    sentence = where_it_loses([*found.values()])
    assert sentence.startswith("The target earns less in 1 of 3 segments: device tv (-0.1")
    assert sentence.endswith("it earns more in 1, and of 1 the log cannot tell.")


def test_a_segment_is_what_the_estimators_say_of_its_rows() -> None:
    whole = log()
    tv = whole.select(whole.labels["device"].codes == 1)
    told = read(whole, cutting=Cutting(baseline=True))["device", "tv"]
    snips, paired = SNIPS(), Difference(SNIPS())
    snips.add(tv)
    paired.add(tv)
    assert told.rows == len(tv)
    assert told.estimate is not None
    assert told.estimate.value == pytest.approx(snips.estimate(), abs=1e-12)
    assert told.difference is not None
    assert told.difference.value == pytest.approx(paired.estimate(), abs=1e-12)
    expected = paired.interval(0.95)
    assert told.difference.high - told.difference.low == pytest.approx(expected.high - expected.low, rel=0.2)
    assert told.viewers == pytest.approx(len(np.unique(tv.viewers)), rel=0.13)


def test_without_a_baseline_the_difference_is_to_what_was_logged() -> None:
    whole = log()
    tv = whole.select(whole.labels["device"].codes == 1)
    snips = SNIPS()
    snips.add(tv)
    told = read(whole)["device", "tv"].difference
    assert told is not None
    assert told.value == pytest.approx(snips.estimate() - float(tv.reward.mean()), abs=1e-12)


def test_luck_among_many_segments_is_no_finding() -> None:
    false = 0
    for seed in range(40):
        batch = log(2000, seed=seed, apart=0.0)
        lots = np.random.default_rng(1000 + seed).integers(20, size=2000)
        names = tuple(f"t{index}" for index in range(20))
        found = read(replace(batch, labels={"title": Labels(codes=lots, names=names)}))
        false += any(one.verdict is not Verdict.UNCLEAR for one in found.values())
    assert false <= 5


def test_parts_added_equal_the_whole_also_beyond_the_bound() -> None:
    rng = np.random.default_rng(2)
    titles = Labels(codes=rng.zipf(1.5, size=6000) % 700, names=tuple(f"t{index}" for index in range(700)))
    batch = replace(log(), labels={"title": titles})
    cutting = Cutting(kept=100, told=20)
    one, other = Segments(cutting), Segments(cutting)
    early = np.arange(6000) < 2500
    one.add(batch.select(early))
    other.add(batch.select(~early))
    whole = Segments(cutting)
    whole.add(batch)
    told = [segment.to_json() for segment in whole.read()]
    assert len(told) == 21
    assert sum(segment["rows"] for segment in told) == 6000
    assert [each["value"] for each in told].count(OTHER) == 1
    for parts in (one + other, other + one):
        for part, expected in zip(parts.read(), told, strict=True):
            json = part.to_json()
            assert (json["value"], json["rows"], json["viewers"]) == (
                expected["value"],
                expected["rows"],
                expected["viewers"],
            )
            assert json["estimate"] == (expected["estimate"] and pytest.approx(expected["estimate"], abs=1e-12))
            assert json["adjusted_p"] == pytest.approx(expected["adjusted_p"], abs=1e-9)


def test_too_few_rows_or_too_few_viewers_are_no_evidence() -> None:
    batch = log()
    few = Labels(codes=np.where(np.arange(6000) < 20, 1, 0), names=("many", "few"))
    found = read(replace(batch, labels={"title": few}))["title", "few"]
    assert (found.estimate, found.difference, found.verdict) == (None, None, Verdict.UNCLEAR)
    assert batch.viewers is not None
    alone = replace(batch, viewers=np.where(np.arange(6000) < 2000, np.uint64(7), batch.viewers))
    one_viewer = Labels(codes=np.where(np.arange(6000) < 2000, 1, 0), names=("many", "few"))
    assert read(replace(alone, labels={"title": one_viewer}))["title", "few"].estimate is None


def test_dimensions_are_chosen_and_numbers_are_cut_into_ranges() -> None:
    batch = log()
    both = {**batch.labels, EMBEDDING_VERSION: Labels(codes=np.zeros(6000, dtype=np.int64), names=("clip",))}
    batch = replace(batch, labels=both)
    assert {dimension for dimension, _ in read(batch)} == {"device"}
    cutting = Cutting(dimensions=(), edges={"score": (0.25, 0.75)})
    found = read(batch, cutting=cutting)
    assert {value for _, value in found} == {"under 0.25", "0.25 to 0.75", "0.75 or more"}
    assert found["score", "0.25 to 0.75"].rows == pytest.approx(3000, rel=0.1)


def test_numbers_at_edges_and_none_at_all() -> None:
    labels = buckets(np.array([0.0, 1.0, 6.9, 7.0, np.nan, np.inf]), (1.0, 7.0))
    assert [labels.names[code] for code in labels.codes.tolist()] == [
        "under 1",
        "1 to 7",
        "1 to 7",
        "7 or more",
        "unknown",
        "unknown",
    ]
    with pytest.raises(ValueError, match="do not rise"):
        buckets(np.zeros(1), (2.0, 1.0))


def test_middles_of_clusters_are_found_whatever_the_lengths() -> None:
    rng = np.random.default_rng(1)
    true = np.eye(5)[:3]
    belongs = rng.integers(3, size=900)
    vectors = (true[belongs] + rng.normal(scale=0.1, size=(900, 5))) * rng.uniform(0.1, 9.0, size=(900, 1))
    found = middles(np.vstack([vectors, np.zeros((3, 5))]), 3, seed=4)
    assert (found @ true.T).max(axis=0) == pytest.approx(1.0, abs=0.01)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0)
    assert len(middles(np.tile(true[:2], (10, 1)), 6, seed=0)) == 2
    with pytest.raises(ValueError, match="ask for one"):
        middles(np.zeros((4, 2)), 2, seed=0)


def test_an_evaluation_tells_segments_where_they_are_asked_for() -> None:
    assert "segments" not in evaluate([log()]).to_json()
    whole = evaluate([log()], Question(segments=Cutting())).to_json()
    assert [segment["value"] for segment in whole["segments"]] == ["tv", "tablet", "phone"]
    one, other = Evaluator(Question(segments=Cutting())), Evaluator(Question(segments=Cutting()))
    early = np.arange(6000) < 2500
    one.add(log().select(early))
    other.add(log().select(~early))
    parts = (one + other).result().to_json()["segments"]
    assert parts[0]["difference"] == pytest.approx(whole["segments"][0]["difference"], abs=1e-12)
    refused = evaluate([replace(log(), reward=np.zeros(6000))], Question(segments=Cutting()))
    assert (refused.refused, refused.segments) == (True, ())


def test_an_evaluation_says_where_the_target_loses() -> None:
    diagnostics = evaluate([log()], Question(segments=Cutting())).to_json()["diagnostics"]
    assert diagnostics["where_it_loses"].startswith("The target earns less in 1 of 3 segments: device tv")
    assert "where_it_loses" not in evaluate([log()]).to_json()["diagnostics"]
