"""A version is valued from decisions that others made, and only on viewers that it did not learn from."""

from datetime import UTC, datetime

import numpy as np
import pytest

from api.errors import Conflict, DamagedFile, UnknownVersion
from api.jobs.evaluating import Counted, OwnOrder, compare, evaluate_own
from api.jobs.own_log import Scorer
from api.storage.database import transaction
from api.storage.rewards import rewarded_decisions
from api.storage.tables import artwork_vectors
from api.storage.vectors import (
    EmbeddingVersion,
    add_embedding_version,
    all_vectors,
    put_vector,
    set_live_embedding_version,
)
from artwork.catalog import TitleId
from bandit.decision import PolicyVersionId
from bandit.harvest import is_held_out
from bandit.ope.batch import Batch, Eligible
from bandit.ope.evaluation import Evaluator
from bandit.policies.uniform import UNIFORM
from bandit.rewards import QUALITY_PLAY
from tests.api.installation import EMBEDDING, Installation, an_outcome, decisions_of, unit_vector
from tests.api.learned import Learned


def test_the_uniform_policy_on_its_own_log_is_worth_the_mean_reward(ready: Installation) -> None:
    rewards = [row.reward for row in rewarded_decisions(ready.engine, definition=QUALITY_PLAY)]
    found = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=PolicyVersionId("uniform")))
    assert found.rows == "every rewarded decision"
    assert found.evaluation.rows == len(rewards)
    for name in ("ips", "snips"):
        estimate = found.evaluation.estimate(name)
        assert estimate is not None
        assert estimate.value == pytest.approx(sum(rewards) / len(rewards), abs=1e-12)


def test_what_would_be_shown_counts_as_often_as_a_row_stands_for_decisions() -> None:
    eligible = Eligible(
        starts=np.array([0, 2, 4]),
        chosen=np.array([0, 2]),
        artworks=np.array([0, 1, 0, 1]),
        names=("t/a", "t/b"),
        logged=np.full(4, 0.5),
        target=np.array([0.25, 0.75, 1.0, 0.0]),
    )
    batch = Batch(
        propensity=np.full(2, 0.5),
        target=np.array([0.25, 1.0]),
        reward=np.ones(2),
        kept=np.array([1.0, 0.1]),
        eligible=eligible,
    )
    counted = Counted(Evaluator())
    counted.add(batch)
    assert counted.shown == pytest.approx({"t/a": 10.25, "t/b": 0.75})


def test_a_learned_version_is_valued_on_the_viewers_it_never_saw(ready: Installation, learned: Learned) -> None:
    found = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
    assert found.evaluation.rows == learned.manifest.held_out
    held_out = {
        row.page.viewer
        for row in rewarded_decisions(ready.engine, definition=QUALITY_PLAY)
        if is_held_out(row.page.viewer, learned.manifest.holdout)
    }
    assert found.evaluation.viewers == len(held_out)
    snips = found.evaluation.estimate("snips")
    uniform = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=PolicyVersionId("uniform"))).evaluation.estimate(
        "snips"
    )
    assert snips is not None
    assert uniform is not None
    assert snips.value > uniform.value


def test_a_version_is_valued_with_the_vectors_that_it_was_learned_on(ready: Installation, learned: Learned) -> None:
    before = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
    other = EmbeddingVersion(version="other-000000000002", dimension=EMBEDDING.dimension, domain="rendered")
    with transaction(ready.engine) as connection:
        add_embedding_version(connection, other, now=datetime.now(UTC))
        for image in all_vectors(connection, EMBEDDING.version):
            put_vector(connection, image, version=other.version, vector=unit_vector(f"other {image}"))
        set_live_embedding_version(connection, other.version)
    after = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
    assert after.evaluation.to_json() == before.evaluation.to_json()
    assert (before.skipped, after.skipped) == (0, 0)


def test_rows_that_cannot_be_scored_are_counted(ready: Installation, learned: Learned) -> None:
    images = [each.image for each in ready.services.catalogue.current.titles[TitleId("tundra")].candidates.values()]
    with transaction(ready.engine) as connection:
        connection.execute(artwork_vectors.delete().where(artwork_vectors.c.image.in_(images)))
    found = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
    assert found.evaluation.rows + found.skipped == learned.manifest.held_out
    assert found.skipped > 0


def test_what_was_logged_after_learning_counts_for_every_viewer(ready: Installation, learned: Learned) -> None:
    viewers = [f"new-{number}" for number in range(5)]
    decided = [decisions_of(ready.select("harbor", viewer=viewer))[0] for viewer in viewers]
    ready.report(*(an_outcome(each, "seen") for each in decided))
    ready.join()
    found = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
    assert found.evaluation.rows == learned.manifest.held_out + len(viewers)


def test_always_showing_the_default_can_be_valued_too(ready: Installation) -> None:
    ready.http.put("/v1/titles/harbor/artworks/b", json={"default": True})
    rows = list(rewarded_decisions(ready.engine, definition=QUALITY_PLAY))
    shown = {"harbor": "b", "tundra": "a"}
    kept = [row.reward for row in rows if row.decision.artwork == shown[row.decision.title]]
    found = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=PolicyVersionId("default")))
    snips = found.evaluation.estimate("snips")
    assert snips is not None
    assert snips.value == pytest.approx(sum(kept) / len(kept))


def test_two_versions_are_compared_row_by_row(ready: Installation, learned: Learned) -> None:
    version = Scorer(ready.engine, ready.blobs, learned.manifest.version, alike=True)
    compared = compare(
        version, Scorer(ready.engine, ready.blobs, UNIFORM), order=OwnOrder(target=learned.manifest.version)
    )
    alone = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
    own, baseline = compared.own.evaluation, compared.baseline.evaluation
    assert own.estimates == alone.evaluation.estimates
    difference, of_own, of_uniform = own.difference("snips"), own.estimate("snips"), baseline.estimate("snips")
    assert difference is not None
    assert of_own is not None
    assert of_uniform is not None
    assert difference.value == pytest.approx(of_own.value - of_uniform.value, abs=1e-12)
    assert compared.baseline.shown.keys() == compared.own.shown.keys()


def test_beside_itself_a_version_is_neither_better_nor_worse(ready: Installation, learned: Learned) -> None:
    version = Scorer(ready.engine, ready.blobs, learned.manifest.version)
    itself = compare(version, version, order=OwnOrder(target=learned.manifest.version)).own.evaluation.difference(
        "snips"
    )
    assert itself is not None
    assert (itself.value, itself.interval.low, itself.interval.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_an_empty_log_is_refused_with_a_reason(installation: Installation) -> None:
    found = evaluate_own(installation.engine, installation.blobs, OwnOrder(target=PolicyVersionId("uniform")))
    assert [each.code for each in found.evaluation.refusals] == ["no_rows"]


def test_a_version_that_is_unknown_or_damaged_is_refused(ready: Installation, learned: Learned) -> None:
    with pytest.raises(UnknownVersion):
        evaluate_own(ready.engine, ready.blobs, OwnOrder(target=PolicyVersionId("squarecb-000000000000")))
    file = ready.home / "models" / learned.manifest.digest
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises((DamagedFile, Conflict)):
        evaluate_own(ready.engine, ready.blobs, OwnOrder(target=learned.manifest.version))
