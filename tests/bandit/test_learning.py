"""Learning is a function of its rows, and nothing but a sound log gets as far as the engine."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit import apprenticeship, harvest, learning
from bandit.context import Picture
from bandit.decision import Reason, RewardedDecision
from bandit.errors import EmptyLog, IncompatibleModel, InvalidExample, LearningFailed
from bandit.features import FeatureSpec
from bandit.harvest import is_held_out
from bandit.learners import LearnerSettings
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.vowpal import EngineSettings
from bandit.registry import Holdout, digest_of, load_policy, space_of
from bandit.slate import Slate


def with_reason(row: RewardedDecision, reason: Reason) -> RewardedDecision:
    slot = msgspec.structs.replace(row.decision, reason=reason)
    return replace(row, page=msgspec.structs.replace(row.page, slots=(slot,)))


@pytest.mark.parametrize("settings", [LinearSettings(), EngineSettings()])
def test_c9_the_same_rows_give_the_same_digest(
    small_log: Any, config: LearnConfig, provenance: Provenance, settings: LearnerSettings
) -> None:
    config = replace(config, settings=settings)
    later = replace(provenance, created_at=provenance.created_at + timedelta(days=3), parent=None)
    shuffled_pictures = dict(reversed(small_log.pictures.items()))
    once = learn(small_log.rows, small_log.pictures, config=config, provenance=provenance)
    again = learn(iter(small_log.rows), shuffled_pictures, config=config, provenance=later)
    assert (again.bundle, again.sums) == (once.bundle, once.sums)
    assert again.manifest == replace(once.manifest, created_at=later.created_at, parent=None)


def test_c9_other_rows_or_another_config_give_another_digest(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    rows = small_log.rows[:200]
    variants = [
        (rows, config),
        (rows[:100], config),
        (rows, replace(config, settings=EngineSettings(passes=3))),
        (rows, replace(config, settings=EngineSettings(passes=4))),
        (rows, replace(config, settings=LinearSettings(half_life_days=2.0))),
        (rows, replace(config, settings=LinearSettings(sampling="thompson"))),
        (rows, replace(config, spec=FeatureSpec(own_term=False))),
        (rows, replace(config, holdout=Holdout(salt="another"))),
        (rows, replace(config, embedding_version="clip-2")),
    ]
    digests = {
        learn(log, small_log.pictures, config=one, provenance=provenance).manifest.digest for log, one in variants
    }
    assert len(digests) == len(variants)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"epsilon": each} for each in (-0.1, 1.1, math.nan)),
        *({name: each} for name in ("gamma_scale", "gamma_exponent") for each in (-1.0, math.inf, math.nan)),
    ],
)
@pytest.mark.parametrize("settings", [LinearSettings, EngineSettings])
def test_settings_that_would_state_no_probabilities_are_refused(settings: Any, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="epsilon lies in"):
        settings(**wrong)


@pytest.mark.parametrize("wrong", [{"learning_rate": 0.0}, {"learning_rate": math.nan}, {"passes": 0}])
def test_settings_that_the_engine_would_learn_nothing_under_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least one pass"):
        EngineSettings(**wrong)


@pytest.mark.parametrize("days", [0.0, -1.0, math.inf, math.nan])
def test_a_half_life_that_is_none_is_refused(days: float) -> None:
    with pytest.raises(ValueError, match="half-life"):
        LinearSettings(half_life_days=days)


def test_the_manifest_tells_what_was_learned_from(learned: Any, small_log: Any, config: LearnConfig) -> None:
    manifest = learned.manifest
    held_out = sum(is_held_out(row.page.viewer, config.holdout) for row in small_log.rows)
    assert (manifest.rows, manifest.held_out) == (len(small_log.rows) - held_out, held_out)
    assert manifest.version == f"squarecb-{digest_of(learned.bundle)[:12]}"
    assert (manifest.embedding_version, manifest.foundation_version) == ("clip-1", "viewers-1")
    assert (manifest.watermark, manifest.parent) == ("w1", "uniform")
    assert manifest.arguments[:4] == ("--learner", "linear", "--sampling", "squarecb")
    assert manifest.examples == manifest.rows
    learned_from = [row.reward for row in small_log.rows if not is_held_out(row.page.viewer, config.holdout)]
    assert manifest.metrics["mean_reward"] == pytest.approx(np.mean(learned_from))
    assert 0 < manifest.metrics["noise"] < np.var(learned_from)
    assert manifest.metrics["precision:viewer×artwork"] < manifest.metrics["precision:weekday×artwork"]


def test_the_manifest_of_an_engines_version_has_the_engines_arguments(engine_learned: Any) -> None:
    manifest = engine_learned.manifest
    assert "--squarecb" in manifest.arguments
    assert manifest.metrics["progressive_value"] > manifest.metrics["mean_reward"]
    assert manifest.sums is None


def test_a_log_in_which_everything_is_worth_the_same_teaches_no_preference(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    rows = [replace(row, reward=0.0625) for row in small_log.rows[:300]]
    model = learn(rows, small_log.pictures, config=config, provenance=provenance)
    policy = load_policy(model.bundle, model.manifest.digest)
    for stated in policy.page([(small_log.context(n), artworks) for n, artworks in enumerate(small_log.candidates)]):
        assert stated == pytest.approx([1 / 4] * 4, abs=1e-6)


def test_about_the_stated_share_of_viewers_is_held_out(config: LearnConfig) -> None:
    held_out = [is_held_out(f"{viewer:032x}", config.holdout) for viewer in range(5000)]
    assert np.mean(held_out) == pytest.approx(0.3, abs=0.02)
    assert not any(is_held_out(f"{n}", Holdout(share=0.0)) for n in range(100))


def test_held_out_and_undrawn_rows_leave_no_trace(small_log: Any, config: LearnConfig, provenance: Provenance) -> None:
    rows = small_log.rows[:300]
    changed = [
        replace(row, reward=1.0 - row.reward) if is_held_out(row.page.viewer, config.holdout) else row for row in rows
    ]
    forced = [with_reason(row, reason) for row in rows[:40] for reason in Reason if reason is not Reason.POLICY]
    one = learn(rows, small_log.pictures, config=config, provenance=provenance)
    other = learn([*forced, *changed], small_log.pictures, config=config, provenance=provenance)
    assert other.bundle == one.bundle
    assert other.manifest.not_drawn == len(forced)


def test_c12_viewer_vectors_of_another_foundation_count_as_none(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    other = replace(config, foundation_version="viewers-2")
    model = learn(small_log.rows[:200], small_log.pictures, config=other, provenance=provenance)
    assert model.manifest.of_other_viewers == model.manifest.rows
    assert model.manifest.foundation_version is None
    assert load_policy(model.bundle, model.manifest.digest).foundation_version is None


@pytest.mark.parametrize("keep", ["nothing", "defaults", "held out"])
def test_an_empty_log_says_what_to_do(small_log: Any, config: LearnConfig, provenance: Provenance, keep: str) -> None:
    rows = {
        "nothing": [],
        "defaults": [with_reason(row, Reason.DEFAULT) for row in small_log.rows],
        "held out": [row for row in small_log.rows if is_held_out(row.page.viewer, config.holdout)],
    }[keep]
    with pytest.raises(EmptyLog, match="serve decisions"):
        learn(rows, small_log.pictures, config=config, provenance=provenance)


def test_a_damaged_row_stops_learning_before_the_engine(
    small_log: Any, config: LearnConfig, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "run_apprentice", lambda *_, **__: pytest.fail("the engine was asked"))
    rows = [*small_log.rows[:100], replace(small_log.rows[100], reward=float("nan"))]
    trainable = replace(config, holdout=Holdout(share=0.0))
    with pytest.raises(InvalidExample, match="reward"):
        learn(rows, small_log.pictures, config=trainable, provenance=provenance)


@pytest.mark.parametrize("damage", ["nan", "same", "dimension"])
def test_damaged_artwork_vectors_are_refused(
    small_log: Any, config: LearnConfig, provenance: Provenance, damage: str
) -> None:
    [first, *_] = small_log.pictures
    pictures = {
        "nan": small_log.pictures | {first: Picture(vector=np.full(12, np.nan, dtype=np.float32))},
        "same": dict.fromkeys(small_log.pictures, small_log.pictures[first]),
        "dimension": small_log.pictures | {first: Picture(vector=np.ones(5, dtype=np.float32))},
    }[damage]
    with pytest.raises(InvalidExample, match="projected"):
        learn(small_log.rows[:50], pictures, config=config, provenance=provenance)


def test_a_damaged_vector_beyond_those_that_were_fitted_is_refused(
    small_log: Any, config: LearnConfig, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvest, "FITTED_VECTORS", 5)
    last = max(small_log.pictures)
    pictures = small_log.pictures | {last: Picture(vector=np.full(12, np.nan, dtype=np.float32))}
    with pytest.raises(InvalidExample, match="projected"):
        learn(small_log.rows, pictures, config=config, provenance=provenance)


def test_viewer_vectors_of_two_dimensions_under_one_version_are_refused(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    row = small_log.rows[0]
    short = replace(row, page=msgspec.structs.replace(row.page, viewer_vector=row.page.viewer_vector[:16]))
    trainable = replace(config, holdout=Holdout(share=0.0))
    with pytest.raises(InvalidExample, match="dimension"):
        learn([*small_log.rows[:9], short], small_log.pictures, config=trainable, provenance=provenance)


def test_a_learning_process_that_dies_harms_nobody(
    small_log: Any, config: LearnConfig, provenance: Provenance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(apprenticeship, "APPRENTICE", ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    monkeypatch.setattr(learning.tempfile, "tempdir", os.fspath(tmp_path))
    with pytest.raises(LearningFailed, match=r"code -11 \(no message\)"):
        learn(small_log.rows[:50], small_log.pictures, config=config, provenance=provenance)
    assert not [*tmp_path.iterdir()]


def test_what_the_learning_process_said_last_is_passed_on(
    small_log: Any, config: LearnConfig, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprenticeship, "APPRENTICE", ("-c", "raise MemoryError('all gone')"))
    with pytest.raises(LearningFailed, match=r"code 1 .*all gone"):
        learn(small_log.rows[:50], small_log.pictures, config=config, provenance=provenance)


def test_a_learning_process_that_leaves_no_model_is_noticed(
    small_log: Any, config: LearnConfig, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprenticeship, "APPRENTICE", ("-c", "pass"))
    with pytest.raises(LearningFailed, match="no model"):
        learn(small_log.rows[:50], small_log.pictures, config=config, provenance=provenance)


def test_a_learning_process_that_never_ends_is_ended(
    small_log: Any, config: LearnConfig, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprenticeship, "APPRENTICE", ("-c", "import time; time.sleep(600)"))
    with pytest.raises(LearningFailed, match="code -9"):
        learn(
            small_log.rows[:50],
            small_log.pictures,
            config=replace(config, timeout_seconds=0.2),
            provenance=provenance,
        )


def test_progress_rises_to_one(small_log: Any, config: LearnConfig, provenance: Provenance) -> None:
    told: list[float] = []
    by_engine = replace(config, settings=EngineSettings())
    learn(small_log.rows[:200], small_log.pictures, config=by_engine, provenance=provenance, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 10


def stated_by(model: LearnedModel, small_log: Any) -> np.ndarray:
    policy = load_policy(model.bundle, model.manifest.digest)
    asked = [(small_log.context(viewer), artworks) for viewer in range(60) for artworks in small_log.candidates]
    return np.array(policy.page(asked))


@pytest.mark.parametrize("half_life", [None, 0.005])
def test_learning_goes_on_from_a_version_as_if_from_the_start(
    small_log: Any, config: LearnConfig, provenance: Provenance, half_life: float | None
) -> None:
    """In the projections of the first version: `later` has all artworks and, with them, other projections."""
    config = replace(config, settings=LinearSettings(gamma_scale=100.0, half_life_days=half_life))
    rows, pictures = small_log.rows, small_log.pictures
    whole = learn(rows, pictures, config=config, provenance=provenance)
    first = learn(rows[:900], pictures, config=config, provenance=provenance)
    projections = space_of(whole.bundle, whole.manifest.digest), space_of(first.bundle, first.manifest.digest)
    assert np.array_equal(*(space.viewers.components for space in projections))
    onward = learn(rows[900:], pictures, config=config, provenance=provenance, onward=first)
    assert np.abs(stated_by(onward, small_log) - stated_by(whole, small_log)).max() < 1e-8
    assert np.abs(stated_by(onward, small_log) - stated_by(first, small_log)).max() > 1e-3
    assert onward.manifest.rows == whole.manifest.rows - first.manifest.rows
    if half_life is None:
        assert onward.manifest.examples == whole.manifest.examples


def test_going_on_twice_from_the_same_version_gives_the_same(
    small_log: Any, config: LearnConfig, provenance: Provenance, learned: LearnedModel
) -> None:
    one, other = (
        learn(small_log.rows[:100], small_log.pictures, config=config, provenance=provenance, onward=learned)
        for _ in range(2)
    )
    assert one == other


def test_new_artworks_join_when_learning_goes_on(small_log: Any, config: LearnConfig, provenance: Provenance) -> None:
    early = [row for row in small_log.rows if row.decision.title in ("t0", "t1")]
    late = [row for row in small_log.rows if row.decision.title not in ("t0", "t1")]
    first = learn(early, small_log.pictures, config=config, provenance=provenance)
    onward = learn(late, small_log.pictures, config=config, provenance=provenance, onward=first)
    known = space_of(onward.bundle, onward.manifest.digest).known
    assert set(space_of(first.bundle, first.manifest.digest).known) < set(known)
    assert len(known) == len(small_log.pictures)


@pytest.mark.parametrize("other", ["settings", "spec", "reward", "no sums", "damaged sums"])
def test_learning_does_not_go_on_under_another_config(
    small_log: Any, config: LearnConfig, provenance: Provenance, learned: LearnedModel, other: str
) -> None:
    changed = {
        "settings": replace(config, settings=LinearSettings(epsilon=0.05)),
        "spec": replace(config, spec=FeatureSpec(viewer_dimensions=3)),
        "reward": replace(config, reward="take/1"),
    }.get(other, config)
    sums = {"no sums": None, "damaged sums": b"PK"}.get(other, learned.sums)
    with pytest.raises(IncompatibleModel, match="learn from the start"):
        learn(
            small_log.rows[:50],
            small_log.pictures,
            config=changed,
            provenance=provenance,
            onward=replace(learned, sums=sums),
        )


def test_a_half_life_that_forgets_all_but_the_last_row_breaks_nothing(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    config = replace(config, settings=LinearSettings(half_life_days=1e-6))
    model = learn(small_log.rows[:200], small_log.pictures, config=config, provenance=provenance)
    assert np.isfinite(stated_by(model, small_log)).all()


def test_an_artwork_that_has_faded_away_counts_as_its_titles_others_do(
    small_log: Any, config: LearnConfig, provenance: Provenance
) -> None:
    """Not as one that nobody ever plays: that would keep it at the floor, and pull down what joins its title."""
    ago = timedelta(days=300)
    rows = [
        replace(row, page=msgspec.structs.replace(row.page, at=row.page.at - ago))
        if (row.decision.title, row.decision.chosen) == ("t0", 0)
        else row
        for row in small_log.rows
    ]
    config = replace(config, settings=LinearSettings(half_life_days=1.0), apart=False)
    model = learn(rows, small_log.pictures, config=config, provenance=provenance)
    policy = load_policy(model.bundle, model.manifest.digest)
    assert isinstance(policy, CompiledPolicy)
    faded, *others = policy.own_terms(Slate(small_log.candidates[0]))
    assert faded == pytest.approx(np.mean(others), abs=1e-12)


def test_tastes_that_moved_are_forgotten(small_log: Any, config: LearnConfig, provenance: Provenance) -> None:
    """The first half of the log says the opposite of the second: with a half-life the second is believed."""
    turned = [
        replace(row, reward=1.0 - row.reward) if number < 750 else row for number, row in enumerate(small_log.rows)
    ]
    liked = np.array(
        [small_log.likes(viewer, artworks) for viewer in range(60) for artworks in small_log.candidates], dtype=float
    )

    def share_of_liked(half_life: float | None) -> float:
        settings = LinearSettings(half_life_days=half_life)
        model = learn(turned, small_log.pictures, config=replace(config, settings=settings), provenance=provenance)
        return float((stated_by(model, small_log) * liked).sum(axis=1)[liked.any(axis=1)].mean())

    assert share_of_liked(0.002) > share_of_liked(None) + 0.1


def test_rows_are_streamed_and_read_once(small_log: Any, config: LearnConfig, provenance: Provenance) -> None:
    taken = 0

    def counted() -> Iterator[RewardedDecision]:
        nonlocal taken
        for row in small_log.rows[:100]:
            taken += 1
            yield row

    learn(counted(), small_log.pictures, config=config, provenance=provenance)
    assert taken == 100
