"""The eligible artworks of one title as one lasting object, so that a policy can remember what it made of them.

Knows no title, no policy and no viewer.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from artwork.catalog import ArtworkId
from bandit.context import Candidate
from bandit.decision import IMAGE_KEY_DIGITS
from bandit.sampling import canonical

REMEMBERED_LISTS = 10_000


class Slate(Sequence[Candidate]):
    """Candidates in canonical order. Two slates are equal only if they are the same object, so look-ups are quick.

    Whoever keeps titles in memory keeps a slate for each set of eligible artworks and passes it again and again. A list
    of the same candidates gets the same probabilities, later.
    `artworks` are their ids and `images` their image keys, as a decision is logged with.
    """

    __slots__ = ("__weakref__", "_candidates", "artworks", "images")

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._candidates = tuple(canonical(candidates))
        self.artworks: tuple[ArtworkId, ...] = tuple(each.artwork for each in self._candidates)
        self.images: tuple[str, ...] = tuple(each.image[:IMAGE_KEY_DIGITS] for each in self._candidates)

    def __len__(self) -> int:
        return len(self._candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._candidates)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        return self._candidates[index]


class SlateMemory:
    """The slates of plain lists that were met lately, by what they hold, so that a list met again is recognised."""

    def __init__(self) -> None:
        self._slates: dict[tuple[object, ...], Slate] = {}

    def slate_of(self, candidates: Sequence[Candidate]) -> Slate:
        """Return the slate of these candidates. An image's hash names its vector; its description is compared."""
        ordered = canonical(candidates)
        key = tuple((each.image, *each.labels.items(), *each.measures.items()) for each in ordered)
        slate = self._slates.get(key)
        if slate is None:
            if len(self._slates) >= REMEMBERED_LISTS:
                self._slates.clear()
            slate = self._slates.setdefault(key, Slate(ordered))
        return slate
