"""A version's golden pages, so that a person can read them: what it would show to whom, with which probability.

Golden pages are made up to check a version whenever it is loaded: their viewers are nobody, and their vectors are
drawn by chance. The pictures are of artworks whose own terms the version learned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from api.dependencies.answers import image_address
from api.dependencies.services import Services
from api.storage.policies import PolicyVersion
from artwork.catalog import TitleId
from bandit.decision import IMAGE_KEY_DIGITS
from bandit.golden import Golden, GoldenPage, GoldenSlot

SHOWN = 4
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One artwork of a golden slot; `name` and `image` where the catalogue still has its picture."""

    probability: float
    name: str
    image: str | None
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableSlot:
    """One golden slot: its artworks, the likeliest first, and how many more there are than are shown."""

    where: str
    artworks: list[Shown]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadablePage:
    """One golden page in words."""

    request: str
    viewer: str
    slots: list[ReadableSlot]


def golden_of_manifest(version: PolicyVersion) -> Golden | None:
    """The golden pages that the manifest carries, None where it carries none that are read here."""
    try:
        return msgspec.json.decode(msgspec.json.encode(version.manifest.get("golden")), type=Golden)
    except msgspec.MsgspecError:
        return None


def readable(services: Services, golden: Golden, *, first: int = 0, limit: int = 4) -> list[ReadablePage]:
    """The pages from the `first`-th on, at most `limit`."""
    pictures = _pictures(services)
    return [_page(golden, page, pictures) for page in golden.pages[first : first + limit]]


@dataclass(frozen=True, slots=True)
class _Picture:
    name: str
    image: str


def _pictures(services: Services) -> Mapping[str, _Picture]:
    """By image key, where each picture of the catalogue belongs."""
    found: dict[str, _Picture] = {}
    titles: Mapping[TitleId, Any] = services.catalogue.current.titles
    for entry in titles.values():
        for candidate in entry.candidates.values():
            name = f"{entry.title.name}: {candidate.artwork}"
            found[candidate.image[:IMAGE_KEY_DIGITS]] = _Picture(name, image_address(services, candidate.image))
    return found


def _page(golden: Golden, page: GoldenPage, pictures: Mapping[str, _Picture]) -> ReadablePage:
    request = page.request
    when = f"{_WEEKDAYS[request.at.weekday()]} {request.at:%H:%M} UTC"
    words = [f"device {request.device}" if request.device else "no device named"]
    words += [f"row {request.row}"] if request.row else []
    words += [f"canvas {request.canvas}"] if request.canvas else []
    return ReadablePage(
        request=", ".join([when, *words]),
        viewer="a viewer without history" if page.viewer is None else f"made-up viewer {page.viewer + 1}",
        slots=[_slot(golden, slot, pictures) for slot in page.slots],
    )


def _slot(golden: Golden, slot: GoldenSlot, pictures: Mapping[str, _Picture]) -> ReadableSlot:
    pairs = sorted(zip(slot.probabilities, slot.artworks, strict=True), reverse=True)
    score = "no score" if slot.score is None else f"score {slot.score:g}"
    return ReadableSlot(
        where=f"position {slot.position + 1}, {score}",
        artworks=[_shown(golden, place, p, pictures) for p, place in pairs[:SHOWN]],
        more=max(0, len(pairs) - SHOWN),
    )


def _shown(golden: Golden, place: int, probability: float, pictures: Mapping[str, _Picture]) -> Shown:
    key = golden.artworks[place].image
    found = pictures.get(key)
    return Shown(
        probability=probability,
        name=found.name if found else f"made-up picture {place + 1}",
        image=found.image if found else None,
        known=found is not None,
    )
