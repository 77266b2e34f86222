"""The job that counts what is played most: a version like any other, loaded by its digest and drawn again (C6)."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.dependencies.versions import load_version
from api.jobs.evaluating import OwnOrder, evaluate_own
from api.jobs.most_played import COUNTED_FOR, count_most_played
from api.jobs.trusted import Measure
from api.storage.database import reading
from api.storage.pages import read_pages
from api.storage.policies import find_policy_version
from artwork.catalog import ImageHash
from bandit.choice import stated_again
from bandit.context import Candidate
from bandit.decision import PolicyVersionId
from bandit.policies.policy import Policy
from bandit.registry import load_policy
from bandit.rows import context_again
from tests.api.installation import Installation, running, settings_in, unit_vector
from tests.api.learned import TITLES, Learned


@pytest.fixture
def lived(learned: Learned, tmp_path: Path) -> Iterator[Installation]:
    with running(settings_in(Path(shutil.copytree(learned.home, tmp_path / "home")))) as ready:
        yield ready


def counted(lived: Installation, now: datetime) -> PolicyVersionId:
    version = count_most_played(lived.engine, lived.blobs, measure=Measure(), now=now)
    assert version is not None
    return version


def test_counts_become_a_version_that_loads_by_its_digest(lived: Installation) -> None:
    now = datetime.now(UTC)
    version = counted(lived, now)
    assert counted(lived, now + timedelta(hours=1)) == version
    with reading(lived.engine) as connection:
        stored = find_policy_version(connection, version)
    loaded = load_version(lived.engine, lived.blobs, version)
    assert (loaded.version, loaded.digest) == (version, stored.digest)
    assert stored.manifest["rows"] > 100


def test_what_was_logged_long_ago_is_not_counted(lived: Installation) -> None:
    later = datetime.now(UTC) + COUNTED_FOR + timedelta(days=1)
    assert count_most_played(lived.engine, lived.blobs, measure=Measure(), now=later) is None


def test_it_can_be_valued_from_the_log(lived: Installation) -> None:
    version = counted(lived, datetime.now(UTC))
    found = evaluate_own(lived.engine, lived.blobs, OwnOrder(target=version))
    estimate = found.evaluation.estimate("snips")
    assert estimate is not None
    assert 0.2 < estimate.value < 0.8


def test_c6_its_pages_are_drawn_again_from_the_log(lived: Installation) -> None:
    version = counted(lived, datetime.now(UTC))
    body = {"reason": "test", "force": True}
    assert lived.http.post(f"/v1/policies/{version}:promote", json=body).status_code == 200
    for number in range(20):
        lived.select(*TITLES, viewer=f"stranger-{number}")
    own = [page for page in read_pages(lived.engine) if page.policy == version]
    assert len(own) == 20
    loaded: dict[str, Policy] = {}
    for page in own:
        bundle = lived.blobs.get_model(page.policy_digest)
        policy = loaded.setdefault(page.policy_digest, load_policy(bundle, page.policy_digest))
        asked = [
            (
                context_again(page, slot, foundation=None, intent=None),
                [
                    Candidate(artwork=name, image=ImageHash(image), vector=unit_vector(image))
                    for name, image in zip(slot.artworks, slot.images, strict=True)
                ],
            )
            for slot in page.slots
        ]
        drawn = stated_again(page, policy.page(asked), vectors={}, floor=policy.floor)
        assert [(slot.probabilities, slot.chosen) for slot in page.slots] == [
            (each.probabilities, each.chosen) for each in drawn
        ]
