"""Golden pages: made-up pages, and what a version stated for them when it was packed. Knows no engine and no storage.

A version that states anything else for them today is not what was packed: its bytes, the library that reads them or
the code that asks it has changed. The pages hold whole vectors, as small integers, so nothing of the version under
examination makes its own questions; viewers and artworks are made up, so nobody's vector is in a manifest.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from artwork.catalog import ArtworkId, ImageHash
from artwork.projection import Projection
from bandit.context import Candidate, Context, RequestContext, Vector
from bandit.encoding import FeatureSpace
from bandit.errors import GoldenMismatch
from bandit.features import Look
from bandit.policies.policy import Policy, Probabilities

PAGES = 40
TOLERANCE = 1e-9
"""How far a probability may be from the one that was stated: rounding of one machine beside another, no more."""
_ARTWORKS, _VIEWERS = 24, 12
_KNOWN_ARTWORKS = 16
_COUNTS = (1, 2, 3, 4, 6, 9, 24)
_MOST_SLOTS = 4
_DIGITS = 12
_LARGEST_CODE = 127
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_DEVICES = ("tv", "phone", "mobile", "tablet", "desktop", "web", "console", "refrigerator", None)
_ROWS = ("hero", "continue", "recommended", "similar", "trending", "new", "genre", "search", "list", "unheard-of", None)
_CANVASES = ("portrait", "landscape", "square", "billboard", "round", None)
"""What requests say; each list ends with a value that no schema lists, and with nothing said."""


class Quantized(msgspec.Struct, frozen=True, array_like=True):
    """A vector (d,) of Euclidean `length` whose direction is that of d signed bytes: the same bits on every machine."""

    codes: bytes
    length: float

    def vector(self) -> Vector:
        """The vector, float32."""
        codes = np.frombuffer(self.codes, dtype=np.int8).astype(np.int64)
        return (codes * (self.length / np.sqrt(float(codes @ codes)))).astype(np.float32)


class GoldenArtwork(msgspec.Struct, frozen=True):
    """One made-up artwork: the image key decides whether the version knows it."""

    image: str
    vector: Quantized
    labels: dict[str, str] = {}
    measures: dict[str, float] = {}


class GoldenSlot(msgspec.Struct, frozen=True, array_like=True):
    """One title: `artworks` are places among the golden artworks, and `probabilities` were stated for them."""

    position: int
    score: float | None
    artworks: tuple[int, ...]
    probabilities: tuple[float, ...]


class GoldenPage(msgspec.Struct, frozen=True):
    """One page; `viewer` and `intent` are places among the golden vectors, None for a viewer without."""

    request: RequestContext
    viewer: int | None
    intent: int | None
    slots: tuple[GoldenSlot, ...]


class Golden(msgspec.Struct, frozen=True):
    """All golden pages of a version, with the artworks and the vectors that they share."""

    artworks: tuple[GoldenArtwork, ...]
    viewers: tuple[Quantized, ...]
    intents: tuple[Quantized, ...]
    pages: tuple[GoldenPage, ...]

    def to_json(self) -> bytes:
        """All of it as deterministic JSON."""
        return msgspec.json.encode(self, order="deterministic")

    def questions(self) -> list[list[tuple[Context, list[Candidate]]]]:
        """What a policy is asked: for every page its slots, as `Policy.page` takes them."""
        candidates = [_candidate(place, artwork) for place, artwork in enumerate(self.artworks)]
        viewers, intents = ([each.vector() for each in some] for some in (self.viewers, self.intents))
        return [
            [
                (
                    Context(
                        request=page.request,
                        viewer_vector=None if page.viewer is None else viewers[page.viewer],
                        intent_vector=None if page.intent is None else intents[page.intent],
                        position=slot.position,
                        score=slot.score,
                    ),
                    [candidates[place] for place in slot.artworks],
                )
                for slot in page.slots
            ]
            for page in self.pages
        ]


def golden_pages(policy: Policy, space: FeatureSpace, *, seed: int = 0) -> Golden:
    """Make up `PAGES` pages for a version with this space, and let `policy` state what it does for them.

    Titles have 1 to 24 artworks, known ones and such that the version never met; a third of viewers have no history.
    Same space, policy and seed: the same pages.
    """
    rng = np.random.default_rng(seed)
    asked = Golden(
        artworks=_artworks(rng, space),
        viewers=_vectors(rng, space.viewers, _VIEWERS),
        intents=_vectors(rng, space.intents, _VIEWERS),
        pages=tuple(
            GoldenPage(
                request=request,
                viewer=_one_of(rng, _VIEWERS if space.viewers else 0),
                intent=_one_of(rng, _VIEWERS if space.intents else 0),
                slots=_slots(rng),
            )
            for request in _requests(rng)
        ),
    )
    answers = [policy.page(slots) for slots in asked.questions()]
    pages = (_answered(page, answer) for page, answer in zip(asked.pages, answers, strict=True))
    return msgspec.structs.replace(asked, pages=tuple(pages))


def largest_difference(policy: Policy, golden: Golden) -> float:
    """How far the probabilities that `policy` states for these pages are from the golden ones, at most.

    Infinite where it states something that is no list of one number an artwork.
    """
    largest = 0.0
    for page, slots in zip(golden.pages, golden.questions(), strict=True):
        for slot, stated in zip(page.slots, policy.page(slots), strict=True):
            wanted = np.array(slot.probabilities)
            if stated.shape != wanted.shape or not np.isfinite(stated).all():
                return np.inf
            largest = max(largest, float(np.abs(stated - wanted).max(initial=0.0)))
    return largest


def check_golden(policy: Policy, golden: Golden, *, tolerance: float = TOLERANCE) -> None:
    """Refuse a policy that does not state the golden probabilities.

    Raises:
        GoldenMismatch: one is farther off than `tolerance`, or there is no golden page to check.
    """
    if not golden.pages:
        raise GoldenMismatch(f"{policy.version} carries no golden page; learn the version again")
    difference = largest_difference(policy, golden)
    if not difference <= tolerance:
        raise GoldenMismatch(
            f"{policy.version} states probabilities up to {difference:.2g} away from those that it was packed with; "
            "go back to the Keyart and the libraries that packed it, or learn the version again; the live one stays"
        )


def _candidate(place: int, artwork: GoldenArtwork) -> Candidate:
    return Candidate(
        artwork=ArtworkId(f"artwork-{place:02d}"),
        image=ImageHash(artwork.image),
        vector=artwork.vector.vector(),
        default=place == 0,
        labels=artwork.labels,
        measures=artwork.measures,
    )


def _artworks(rng: np.random.Generator, space: FeatureSpace) -> tuple[GoldenArtwork, ...]:
    """Artworks of which the first are known to the version, as many as it knows."""
    known = [space.known[place] for place in _evenly(len(space.known), _KNOWN_ARTWORKS)]
    strangers = [f"{number:016x}" for number in range(_ARTWORKS - len(known))]
    vectors = _vectors(rng, space.artworks, _ARTWORKS)
    return tuple(
        GoldenArtwork(image, vector, _labels(rng, space.spec.looks), _measures(rng, space.spec.looks))
        for image, vector in zip([*known, *strangers], vectors, strict=True)
    )


def _labels(rng: np.random.Generator, looks: Sequence[Look]) -> dict[str, str]:
    """What an artwork shows; a quarter of it is not known."""
    return {look.name: str(rng.choice(look.values)) for look in looks if look.values and rng.random() < 0.75}


def _measures(rng: np.random.Generator, looks: Sequence[Look]) -> dict[str, float]:
    return {look.name: round(float(rng.uniform(-1, 1)), 3) for look in looks if not look.values and rng.random() < 0.75}


def _evenly(length: int, count: int) -> list[int]:
    return sorted({*np.linspace(0, length - 1, count, dtype=int).tolist()}) if length else []


def _vectors(rng: np.random.Generator, fitted: Projection | None, count: int) -> tuple[Quantized, ...]:
    """Make up vectors that lie where those that the projection was fitted on do."""
    if fitted is None:
        return ()
    components = fitted.components.astype(np.float64)
    spread = components / (components**2).sum(axis=0)
    drawn = fitted.mean + rng.normal(size=(count, fitted.dimensions)) @ spread.T
    return tuple(_quantized(vector) for vector in drawn)


def _quantized(vector: NDArray[np.float64]) -> Quantized:
    codes: NDArray[np.int8] = np.rint(vector * (_LARGEST_CODE / np.abs(vector).max())).astype(np.int8)
    return Quantized(codes.tobytes(), round(float(np.linalg.norm(vector)), 6))


def _one_of(rng: np.random.Generator, count: int) -> int | None:
    """One place among `count`, or none in a third of the cases."""
    return int(rng.integers(count)) if count and rng.random() > 1 / 3 else None


def _requests(rng: np.random.Generator) -> Iterator[RequestContext]:
    """Requests over a week, at every hour, from listed, unlisted and unnamed devices, rows and canvases."""
    for number in range(PAGES):
        yield RequestContext(
            at=_FIRST + timedelta(hours=5 * number, seconds=int(rng.integers(3600))),
            device=_DEVICES[rng.integers(len(_DEVICES))],
            row=_ROWS[rng.integers(len(_ROWS))],
            canvas=_CANVASES[rng.integers(len(_CANVASES))],
        )


def _slots(rng: np.random.Generator) -> tuple[GoldenSlot, ...]:
    return tuple(
        GoldenSlot(
            position=int(rng.integers(40)),
            score=None if rng.random() < 0.25 else round(float(rng.normal(scale=3.0)), 3),
            artworks=tuple(rng.choice(_ARTWORKS, size=int(rng.choice(_COUNTS)), replace=False).tolist()),
            probabilities=(),
        )
        for _ in range(int(rng.integers(1, _MOST_SLOTS + 1)))
    )


def _answered(page: GoldenPage, answer: Sequence[Probabilities]) -> GoldenPage:
    slots = (
        msgspec.structs.replace(slot, probabilities=tuple(round(each, _DIGITS) for each in stated.tolist()))
        for slot, stated in zip(page.slots, answer, strict=True)
    )
    return msgspec.structs.replace(page, slots=tuple(slots))
