"""Learning that goes on from a stored version reads what came since, and refuses what it cannot go on from."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from api.dependencies.versions import load_version
from api.errors import Conflict, DamagedFile, MissingFile, UnknownVersion
from api.jobs.learning import LearnedVersion, LearnOrder, learn_version
from api.storage.database import reading, transaction
from api.storage.exclusions import exclude_viewers, include_viewers
from api.storage.policies import list_policy_versions
from api.storage.vectors import add_embedding_version, set_live_embedding_version
from bandit.context import Context, RequestContext
from bandit.decision import PolicyVersionId
from bandit.errors import EmptyLog, IncompatibleModel
from bandit.learners import LearnerSettings
from bandit.linear.settings import LinearSettings
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.vowpal import EngineSettings
from bandit.registry import Manifest, digest_of
from tests.api.installation import AT, EMBEDDING, Installation, an_outcome, settings_in, unit_vector
from tests.api.learned import TITLES, Learned, likes, name_of


def learned_by(installation: Installation, order: LearnOrder | None = None) -> LearnedVersion:
    return learn_version(installation.engine, installation.blobs, settings=installation.settings, order=order)


def onward(learned: Learned, *, learner: LearnerSettings | None = None, reward: str | None = None) -> LearnOrder:
    return LearnOrder(onward=True, start=learned.manifest.version, learner=learner, reward=reward)


def live_on(installation: Installation, viewers: int = 30) -> int:
    """An evening on which the first viewers like what they did not; returns how many decisions were rewarded."""
    pages = [(name_of(number), installation.select(*TITLES, viewer=name_of(number))) for number in range(viewers)]
    slots = [(viewer, slot) for viewer, page in pages for slot in page["slots"]]
    installation.report(
        *(
            an_outcome(slot["decision"], "seen" if likes(viewer, slot["artwork"]) else "played")
            for viewer, slot in slots
        )
    )
    return len(slots)


def exclude(installation: Installation, *names: str, reason: str = "staff") -> None:
    viewers = [installation.services.keys.pseudonym(name) for name in names]
    with transaction(installation.engine) as connection:
        exclude_viewers(connection, viewers, reason=reason, actor="ops", now=datetime.now(UTC))


def test_it_does_not_go_on_with_rows_of_a_viewer_who_was_excluded_since(ready: Installation, learned: Learned) -> None:
    """Sums cannot be unlearned: what they took from a viewer stays in them."""
    live_on(ready)
    exclude(ready, name_of(0))
    with pytest.raises(Conflict, match="Others are left out by now"):
        learned_by(ready, onward(learned))
    afresh = learned_by(ready).manifest
    more = live_on(ready)
    found = learned_by(ready, LearnOrder(onward=True, start=afresh.version)).manifest
    assert found.rows + found.held_out < more  # who was left out then and now holds nothing up, and counts in neither
    with transaction(ready.engine) as connection:
        include_viewers(connection, [ready.services.keys.pseudonym(name_of(0))])
    with pytest.raises(Conflict, match="Others are left out by now"):
        learned_by(ready, LearnOrder(onward=True, start=found.version))


def costs_by(installation: Installation, manifest: Manifest) -> np.ndarray:
    policy = load_version(installation.engine, installation.blobs, manifest.version)
    assert isinstance(policy, CompiledPolicy)
    contexts = [
        Context(request=RequestContext(at=AT), viewer_vector=unit_vector(pole, 6), position=0)
        for pole in ("even", "odd")
    ]
    titles = installation.services.catalogue.current.titles
    slates = [[*titles[title].candidates.values()] for title in TITLES]  # type: ignore[index]
    return np.array(policy.page_costs([(context, slate) for context in contexts for slate in slates]))


def test_going_on_reads_what_came_since_and_predicts_what_learning_from_the_start_would(
    ready: Installation, learned: Learned
) -> None:
    more = live_on(ready)
    found, whole = learned_by(ready, onward(learned)).manifest, learned_by(ready).manifest
    assert (found.onward, whole.onward) == (True, False)
    assert (found.parent, whole.parent) == (learned.manifest.version, "uniform")
    assert found.rows + found.held_out == more
    assert found.examples == whole.examples == learned.manifest.rows + found.rows
    assert found.settings == learned.manifest.settings
    assert found.watermark == whole.watermark
    assert np.abs(costs_by(ready, found) - costs_by(ready, whole)).max() < 1e-6
    assert np.abs(costs_by(ready, found) - costs_by(ready, learned.manifest)).max() > 1e-4


def test_c9_going_on_twice_gives_the_same_version_and_going_on_from_it_goes_further(
    ready: Installation, learned: Learned
) -> None:
    live_on(ready)
    one, other = (learned_by(ready, onward(learned)).manifest for _ in range(2))
    assert (one.digest, one.sums) == (other.digest, other.sums)
    assert one.sums is not None
    assert digest_of(ready.blobs.get_model(one.sums)) == one.sums != learned.manifest.sums
    more = live_on(ready, viewers=10)
    further = learned_by(ready, LearnOrder(onward=True, start=one.version)).manifest
    assert (further.parent, further.rows + further.held_out) == (one.version, more)
    assert further.examples == one.examples + further.rows


def test_the_live_version_is_gone_on_from_unless_another_is_named(ready: Installation, learned: Learned) -> None:
    with pytest.raises(Conflict, match=r"uniform has learned nothing.*Learn from the start"):
        learned_by(ready, LearnOrder(onward=True))
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "go", "force": True})
    live_on(ready)
    assert learned_by(ready, LearnOrder(onward=True)).manifest.parent == learned.manifest.version


def test_what_cannot_be_gone_on_from_is_told_apart(ready: Installation, learned: Learned) -> None:
    with pytest.raises(UnknownVersion, match="squarecb-0"):
        learned_by(ready, LearnOrder(onward=True, start=PolicyVersionId("squarecb-0")))
    with pytest.raises(EmptyLog, match="report outcomes"):
        learned_by(ready, onward(learned))
    live_on(ready)
    for order, said in [
        (onward(learned, learner=LinearSettings(half_life_days=30.0)), "learned under other settings"),
        (onward(learned, learner=EngineSettings()), "learned under other settings"),
        (onward(learned, reward="take/1"), "learned from quality_play/1, not from take/1"),
    ]:
        with pytest.raises(IncompatibleModel, match=f"{re.escape(said)}.*learn from the start"):
            learned_by(ready, order)
    with reading(ready.engine) as connection:
        assert [each.version for each in list_policy_versions(connection)] == [learned.manifest.version]


def test_c12_sums_of_another_embedding_version_are_not_gone_on_from(ready: Installation, learned: Learned) -> None:
    now = datetime.now(UTC)
    with transaction(ready.engine) as connection:
        add_embedding_version(connection, replace(EMBEDDING, version="clip-2"), now=now)
        set_live_embedding_version(connection, "clip-2")
    with pytest.raises(IncompatibleModel, match=r"embedding version is fake-\w+, now it is clip-2"):
        learned_by(ready, onward(learned))


def test_a_version_of_the_engine_decides_but_is_not_gone_on_from(ready: Installation) -> None:
    version = learned_by(ready, LearnOrder(learner=EngineSettings())).manifest
    assert (version.settings, version.sums, version.settled) == (EngineSettings(), None, 0)
    assert costs_by(ready, version)[0].argmin() == 0, "even viewers like artwork a"
    with pytest.raises(Conflict, match="its learner cannot"):
        learned_by(ready, LearnOrder(onward=True, start=version.version))


def test_provisional_rewards_are_never_gone_on_from(ready: Installation, learned: Learned) -> None:
    live_on(ready, viewers=8)
    waiting = settings_in(ready.home, reward_window_seconds=172_800)
    order = LearnOrder(provisional=True)
    early = learn_version(ready.engine, ready.blobs, settings=waiting, order=order).manifest
    assert (early.provisional, learned.manifest.provisional) == (True, False)
    live_on(ready)
    with pytest.raises(IncompatibleModel, match="provisional rewards"):
        learned_by(ready, LearnOrder(onward=True, start=early.version))


@pytest.mark.parametrize(("damage", "error"), [("gone", MissingFile), ("flipped", DamagedFile)])
def test_sums_that_are_gone_or_damaged_are_refused(
    ready: Installation, learned: Learned, damage: str, error: type[Exception]
) -> None:
    assert learned.manifest.sums is not None
    file = ready.home / "models" / learned.manifest.sums
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    live_on(ready, viewers=2)
    with pytest.raises(error, match="backup"):
        learned_by(ready, onward(learned))
