"""C6: the logged probability is the one drawn from; every draw can be computed again from the log, bit for bit."""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from api.storage.database import reading
from api.storage.pages import read_pages
from api.storage.vectors import all_vectors
from artwork.catalog import ImageHash
from bandit.choice import stated_again
from bandit.context import Candidate, Context, Vector
from bandit.decision import IMAGE_KEY_DIGITS, Page, Reason, Slot
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from bandit.registry import load_policy
from tests.api.installation import Installation, running, settings_in
from tests.api.learned import TITLES, Learned, name_of

FLOOR = 0.01 / 3
"""SquareCB's epsilon, shared by three artworks."""


@pytest.fixture(scope="module")
def lived(learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A log of the uniform policy and of a learned one, with known and unknown viewers."""
    home = Path(shutil.copytree(learned.home, tmp_path_factory.mktemp("lived") / "home"))
    with running(settings_in(home)) as ready:
        ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "contract"})
        for number in range(40):
            ready.select(*TITLES, viewer=name_of(number), context={"device": "phone", "row": "top"})
            ready.select(*TITLES, viewer=f"stranger-{number}")
        yield ready


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
    assert len(recomputed) == 2
    assert min(recomputed.values()) >= 160


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
    assert_shown_as_often_as_stated([slot for page in pages(lived) for slot in page.slots], artworks=6)


def assert_shown_as_often_as_stated(slots: Sequence[Slot], *, artworks: int) -> None:
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    spread: dict[tuple[str, str], float] = defaultdict(float)
    for slot in slots:
        for index, (name, p) in enumerate(zip(slot.artworks, slot.probabilities, strict=True)):
            shares[slot.title, name].append((slot.chosen == index) / p)
            spread[slot.title, name] += 1 / p - 1
    assert len(shares) == artworks
    for key, found in shares.items():
        mean, error = sum(found) / len(found), spread[key] ** 0.5 / len(found)
        assert abs(mean - 1) < 5 * error, key


GUARDED_VIEWERS = 300
MEADOW_SHARE = 0.3


@pytest.fixture(scope="module")
def guarded(learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A log of the learned version under shares, a pin for one locale, a paused artwork and page diversity."""
    home = Path(shutil.copytree(learned.home, tmp_path_factory.mktemp("guarded") / "home"))
    with running(settings_in(home, page_diversity=0.5)) as ready:
        ready.put_title("meadow", artworks=4)
        for guard in (
            {"kind": "share", "artwork": "c", "minimum": MEADOW_SHARE},
            {"kind": "share", "artwork": "a", "maximum": 0.4},
            {"kind": "pin", "artwork": "b", "locale": "fr"},
        ):
            answer = ready.http.post("/v1/titles/meadow/guards", json={"reason": "contract", **guard})
            assert answer.status_code == 201, answer.text
        ready.http.post("/v1/titles/meadow/artworks/d:pause", json={"reason": "contract"})
        ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "contract"})
        for number in range(GUARDED_VIEWERS):
            locale = "fr-FR" if number % 10 == 0 else "de-DE"
            ready.select(*TITLES, "meadow", viewer=name_of(number), context={"device": "phone", "locale": locale})
        yield ready


def guarded_pages(installation: Installation) -> list[tuple[Page, Policy]]:
    return [(page, policy) for page, policy in policies_of(installation) if page.diversity]


def test_c6_guards_and_diversity_are_in_the_logged_probabilities(guarded: Installation) -> None:
    """Every page is stated and drawn again from its record, its version and its pictures, bit for bit."""
    found = guarded_pages(guarded)
    assert len(found) == GUARDED_VIEWERS
    with reading(guarded.engine) as connection:
        stored = all_vectors(connection, found[0][0].embedding_version)
    vectors = {image[:IMAGE_KEY_DIGITS]: vector for image, vector in stored.items()}
    moved = 0
    for page, policy in found:
        stated = policy.page([slot_input(page, slot, policy, vectors=vectors) for slot in page.slots])
        again = stated_again(page, stated, vectors=vectors, floor=policy.floor)
        assert [(one.probabilities, one.chosen) for one in again] == [
            (slot.probabilities, slot.chosen) for slot in page.slots
        ]
        for slot, own in zip(page.slots, stated, strict=True):
            assert drawn(slot.probabilities, key(page, slot)) == slot.chosen
            moved += tuple(own.tolist()) != slot.probabilities
    assert moved > GUARDED_VIEWERS


def test_c6_under_guards_sums_floors_and_shares_hold(guarded: Installation) -> None:
    for page, policy in guarded_pages(guarded):
        for slot in page.slots:
            assert sum(slot.probabilities) == pytest.approx(1.0, abs=1e-6)
            if slot.reason is Reason.POLICY:
                assert min(slot.probabilities) >= policy.floor / len(slot.artworks) * (1 - 1e-6)
        meadow = page.slots[-1]
        if meadow.reason is Reason.POLICY:
            assert meadow.artworks == ("a", "b", "c")
            assert meadow.probabilities[0] <= 0.4 < 0.4 + MEADOW_SHARE <= 0.4 + meadow.probabilities[2]


def test_c6_a_pinned_slot_is_certain_and_marked(guarded: Installation) -> None:
    pinned = [page.slots[-1] for page, _ in guarded_pages(guarded) if page.request.locale == "fr-FR"]
    assert len(pinned) == GUARDED_VIEWERS // 10
    assert {(slot.artworks, slot.probabilities, slot.reason) for slot in pinned} == {(("b",), (1.0,), Reason.PINNED)}


def test_c6_under_guards_shown_as_often_as_stated(guarded: Installation) -> None:
    """mean(1[a]/p) = 1 for each artwork of each title, and in each of two buckets of viewers."""
    slots = [
        (page.viewer, slot) for page, _ in guarded_pages(guarded) for slot in page.slots if slot.reason is Reason.POLICY
    ]
    assert_shown_as_often_as_stated([slot for _, slot in slots], artworks=9)
    for bucket in (0, 1):
        assert_shown_as_often_as_stated([slot for viewer, slot in slots if int(viewer, 16) % 2 == bucket], artworks=9)
