"""C6: the logged probability is the one drawn from; every draw can be computed again from the log, bit for bit."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest

from api.storage.database import reading
from api.storage.pages import read_pages
from api.storage.vectors import all_vectors
from artwork.catalog import ImageHash
from bandit.context import Candidate, Context, Vector
from bandit.decision import IMAGE_KEY_DIGITS, Page, Slot
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from bandit.registry import load_policy
from tests.api.installation import Installation
from tests.api.learned import TITLES, Learned, name_of

FLOOR = 0.01 / 3
"""SquareCB's epsilon, shared by three artworks."""


@pytest.fixture
def lived(ready: Installation, learned: Learned) -> Installation:
    """A log of the uniform policy and of a learned one, with known and unknown viewers."""
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "contract"})
    for number in range(40):
        ready.select(*TITLES, viewer=name_of(number), context={"device": "phone", "row": "top"})
        ready.select(*TITLES, viewer=f"stranger-{number}")
    return ready


def pages(installation: Installation) -> list[Page]:
    return list(read_pages(installation.engine))


def policies_of(installation: Installation) -> Iterator[tuple[Page, Policy]]:
    """Every page with the policy that its digest names, loaded from its bytes."""
    loaded: dict[str, Policy] = {UniformPolicy.digest: UniformPolicy()}
    for page in pages(installation):
        if page.policy_digest not in loaded:
            loaded[page.policy_digest] = load_policy(
                installation.blobs.get_model(page.policy_digest), page.policy_digest
            )
        yield page, loaded[page.policy_digest]


def key(page: Page, slot: Slot) -> float:
    """The draw's number in [0, 1) as documented: 53 bits of BLAKE2b over the parts, each behind its length."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in (page.salt, page.viewer, slot.title, str(page.window)):
        hashed.update(len(part.encode()).to_bytes(8, "little") + part.encode())
    return (int.from_bytes(hashed.digest(), "big") >> 11) / 2**53


def drawn(probabilities: tuple[float, ...], u: float) -> int:
    """The index whose part of the cumulated distribution holds u."""
    return int(np.searchsorted(np.cumsum(probabilities), u, side="right"))


def slot_input(
    page: Page, slot: Slot, policy: Policy, *, vectors: dict[str, Vector]
) -> tuple[Context, list[Candidate]]:
    understood = page.foundation_version == policy.foundation_version
    context = Context(
        request=page.request,
        viewer_vector=page.vector() if understood else None,
        position=slot.position,
        score=slot.score,
    )
    pairs = zip(slot.artworks, slot.images, strict=True)
    return context, [Candidate(artwork=name, image=ImageHash(key), vector=vectors[key]) for name, key in pairs]


def test_c6_every_draw_can_be_computed_again_bit_for_bit(lived: Installation) -> None:
    with reading(lived.engine) as connection:
        stored = all_vectors(connection, pages(lived)[0].embedding_version)
    vectors = {image[:IMAGE_KEY_DIGITS]: vector for image, vector in stored.items()}
    recomputed: dict[str, int] = defaultdict(int)
    for page, policy in policies_of(lived):
        stated = policy.page([slot_input(page, slot, policy, vectors=vectors) for slot in page.slots])
        for slot, probabilities in zip(page.slots, stated, strict=True):
            assert tuple(probabilities.tolist()) == slot.probabilities
            assert drawn(slot.probabilities, key(page, slot)) == slot.chosen
        recomputed[page.policy] += len(page.slots)
    assert sorted(recomputed.values()) == [160, 720]


def test_c6_probabilities_sum_to_one_and_none_is_under_the_floor(lived: Installation) -> None:
    for page in pages(lived):
        for slot in page.slots:
            assert sum(slot.probabilities) == pytest.approx(1.0, abs=1e-6)
            assert min(slot.probabilities) >= FLOOR * (1 - 1e-6)


def test_c6_what_is_answered_is_what_is_logged(lived: Installation) -> None:
    answered = lived.select(*TITLES, viewer="even-0")
    logged = next(page for page in pages(lived) if page.page == answered["page"])
    for slot, shown in zip(logged.slots, answered["slots"], strict=True):
        assert (slot.artwork, slot.probability) == (shown["artwork"], shown["probability"])


def test_c6_shown_as_often_as_stated(lived: Installation) -> None:
    """mean(1[a]/p) = 1 for each artwork: within five standard errors."""
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    spread: dict[tuple[str, str], float] = defaultdict(float)
    for page in pages(lived):
        for slot in page.slots:
            for index, (name, p) in enumerate(zip(slot.artworks, slot.probabilities, strict=True)):
                shares[slot.title, name].append((slot.chosen == index) / p)
                spread[slot.title, name] += 1 / p - 1
    assert len(shares) == 6
    for key, found in shares.items():
        mean, error = sum(found) / len(found), spread[key] ** 0.5 / len(found)
        assert abs(mean - 1) < 5 * error, key
