"""C12: vectors of two versions are never mixed (embedding versions: tests/api/jobs/test_embedding)."""

from datetime import UTC, datetime

import pytest

from api.storage.database import transaction
from api.storage.foundation import (
    FoundationVersion,
    ViewerVector,
    add_foundation_version,
    put_viewer_vectors,
    set_live_foundation_version,
)
from api.storage.vectors import EmbeddingVersion, add_embedding_version, set_live_embedding_version
from tests.api.installation import Installation, an_event, decisions_of, unit_vector
from tests.api.learned import Learned
from tests.api.problems import is_problem


@pytest.fixture
def promoted(ready: Installation, learned: Learned) -> Installation:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "contract"})
    return ready


def stated(installation: Installation, viewer: str) -> list[float]:
    page = installation.select("harbor", viewer=viewer)
    record = installation.http.get(f"/v1/decisions/{decisions_of(page)[0]}").json()
    return [each["probability"] for each in record["artworks"]]


def test_c12_a_policy_sees_viewers_only_in_the_version_that_it_understands(promoted: Installation) -> None:
    """A newer foundation version, even of the same dimension, neither helps nor harms a policy that came before it."""
    known, stranger = stated(promoted, "even-0"), stated(promoted, "a stranger")
    assert known != stranger
    promoted.post_events(an_event("a newcomer"))
    now = datetime.now(UTC)
    other = FoundationVersion(version="viewers-other", digest="1" * 64, config={}, metrics={}, created_at=now)
    vectors = [
        ViewerVector(viewer=promoted.keys.pseudonym(viewer), vector=unit_vector("odd", 6), events=1)
        for viewer in ("even-0", "a newcomer")
    ]
    with transaction(promoted.engine) as connection:
        add_foundation_version(connection, other)
        put_viewer_vectors(connection, other.version, vectors, now=now)
        set_live_foundation_version(connection, other.version)
    promoted.services.refresh()
    assert stated(promoted, "even-0") == known
    assert stated(promoted, "a newcomer") == stranger


def test_c12_a_policy_of_other_pictures_vectors_is_not_promoted_and_does_not_decide(
    promoted: Installation, learned: Learned
) -> None:
    other = EmbeddingVersion(version="other-2", dimension=4, domain="rendered")
    with transaction(promoted.engine) as connection:
        add_embedding_version(connection, other, now=datetime.now(UTC))
        set_live_embedding_version(connection, other.version)
    promoted.http.post("/v1/policies:rollback", json={"reason": "contract"})
    again = promoted.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "contract"})
    assert "keyart learn" in is_problem(again, 409, "conflict")["remedy"]
