"""The foundation model is trained from stored events, gives every viewer a vector, and keeps the vectors fresh."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from sqlalchemy import QueuePool, select

from api.errors import DamagedFile, UnknownVersion
from api.jobs.viewers import foundations_in_use, live_foundation, refresh_viewers, train_foundation
from api.jobs.worker import Worker
from api.storage.audit_log import list_entries
from api.storage.database import open_engine, reading, transaction
from api.storage.events import stale_viewers
from api.storage.foundation import (
    FoundationVersion,
    live_foundation_version,
    set_live_foundation_version,
    viewer_vector,
)
from api.storage.policies import Deployment, PolicyVersion, Stage, add_policy_version, deploy, roll_back
from api.storage.tables import title_vectors
from bandit.decision import PolicyVersionId
from foundation.errors import TooFewHistories
from foundation.model import ModelConfig
from foundation.trained import TrainingConfig
from tests.api.installation import AT, Installation, an_event, running, settings_in

SMALL = TrainingConfig(model=ModelConfig(dimension=8, layers=1, length=16), epochs=1, least_steps=20)
TITLES = ("harbor", "tundra", "comet", "velvet")


@pytest.fixture(scope="module")
def trained(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, FoundationVersion]]:
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("trained") / "home")
    with running(settings_in(Path(home))) as installation:
        for title in TITLES:
            installation.http.put(f"/v1/titles/{title}", json={"name": title})
        chance = random.Random(3)
        installation.post_events(
            *(
                an_event(
                    f"viewer-{viewer}",
                    chance.choice(TITLES),
                    action="finish",
                    at=(AT + timedelta(days=day)).isoformat(),
                )
                for viewer in range(30)
                for day in range(6)
            )
        )
        yield installation, train_foundation(installation.engine, installation.blobs, config=SMALL)


Trained = tuple[Installation, FoundationVersion]


def test_a_trained_version_is_live_and_every_viewer_and_title_has_a_vector(trained: Trained) -> None:
    installation, version = trained
    with reading(installation.engine) as connection:
        live = live_foundation_version(connection)
        vectors = [
            viewer_vector(connection, installation.keys.pseudonym(f"viewer-{number}"), version=version.version)
            for number in range(30)
        ]
        titles = set(connection.scalars(select(title_vectors.c.title)))
        entry = next(each for each in list_entries(connection) if each.action == "foundation.train")
    assert live == version
    assert (entry.before, entry.after) == (None, {"live": version.version, "seed": SMALL.seed, "epochs": SMALL.epochs})
    assert titles == set(TITLES)
    for vector in vectors:
        assert vector is not None
        assert vector.shape == (8,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    assert {"viewers", "test_ndcg_at_10", "popularity_ndcg_at_10"} <= version.metrics.keys()


def test_the_same_events_and_seed_give_the_same_version_and_no_transaction_is_open_meanwhile(trained: Trained) -> None:
    installation, version = trained
    engine = open_engine(installation.settings.database_url)
    lent: list[int] = []
    pool = cast(QueuePool, engine.pool)
    again = train_foundation(
        engine, installation.blobs, config=SMALL, progress=lambda _: lent.append(pool.checkedout())
    )
    engine.dispose()
    assert again.version == version.version
    assert set(lent) == {0}


def test_a_viewer_with_new_events_gets_a_new_vector(trained: Trained) -> None:
    installation, version = trained
    _, foundation = live_foundation(installation.engine, installation.blobs)
    assert refresh_viewers(installation.engine, foundation, version=version.version) == 0
    pseudonym = installation.keys.pseudonym("viewer-1")
    with reading(installation.engine) as connection:
        before = viewer_vector(connection, pseudonym, version=version.version)
    installation.post_events(
        an_event("viewer-1", "comet", at=(AT + timedelta(days=9)).isoformat(), action="finish"), an_event("someone-new")
    )
    assert refresh_viewers(installation.engine, foundation, version=version.version) == 2
    with reading(installation.engine) as connection:
        after = viewer_vector(connection, pseudonym, version=version.version)
        new = viewer_vector(connection, installation.keys.pseudonym("someone-new"), version=version.version)
    assert before is not None
    assert after is not None
    assert not np.array_equal(before, after)
    assert new is not None


def test_the_version_that_the_live_policy_was_learned_on_is_kept_fresh_beside_the_live_one(trained: Trained) -> None:
    installation, old = trained
    engine, now = installation.engine, old.created_at
    new = train_foundation(engine, installation.blobs, config=replace(SMALL, seed=1))
    assert foundations_in_use(engine) == [new]
    policy = PolicyVersion(
        version=PolicyVersionId("learned"),
        digest="f" * 64,
        manifest={"foundation_version": old.version},
        created_at=now,
    )
    with transaction(engine) as connection:
        add_policy_version(connection, policy)
        deploy(connection, Deployment(version=policy.version, stage=Stage.LIVE, actor="test", reason="a test", at=now))
    installation.post_events(an_event("viewer-2", "comet"), an_event("viewer-3", "comet"))
    worker = Worker(installation.settings)
    worker.step()
    worker.close()
    assert foundations_in_use(engine) == [old, new]
    with transaction(engine) as connection:
        assert [stale_viewers(connection, each.version) for each in (old, new)] == [{}, {}]
        roll_back(connection, actor="test", reason="a test", now=now)
        set_live_foundation_version(connection, old.version)


def test_too_few_viewers_are_refused_and_nothing_is_kept(installation: Installation) -> None:
    with pytest.raises(TooFewHistories):
        train_foundation(installation.engine, installation.blobs, config=SMALL)
    with reading(installation.engine) as connection:
        assert live_foundation_version(connection) is None
    assert not (installation.home / "models").exists()
    with pytest.raises(UnknownVersion, match="keyart foundation train"):
        live_foundation(installation.engine, installation.blobs)


def test_a_damaged_checkpoint_is_refused(trained: Trained) -> None:
    installation, version = trained
    file = installation.home / "models" / version.digest
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    try:
        with pytest.raises(DamagedFile):
            live_foundation(installation.engine, installation.blobs)
    finally:
        file.write_bytes(whole)
