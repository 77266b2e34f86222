"""The file to open first: how a page is put together, stage by stage. Knows no HTTP, no SQL and no clock.

titles asked for → entries of the catalogue → eligible artworks, or the pinned one → the policy's probabilities
→ diversity and shares → draw, slot by slot → page
"""

import logging
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from api.homepage.artwork import entries_of
from api.homepage.catalogue import Catalogue
from api.homepage.experiment import DrawKey, check_versions, default_slot, drawn_slots
from api.homepage.request import House, PageRequest
from bandit.context import Vector
from bandit.decision import Page, PageId, Slot
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy

logger = logging.getLogger(__name__)
_OPEN = House()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStamp:
    """What the edge gives a page: its id, its time and the key of its draws."""

    page: PageId
    at: datetime
    key: DrawKey


def assemble_page(
    request: PageRequest, catalogue: Catalogue, *, policy: Policy, stamp: PageStamp, house: House = _OPEN
) -> Page:
    """Decide every asked title. A policy that fails costs the page its personal artworks, never the page.

    Raises:
        UnknownTitles, TitlesWithoutArtwork: see `api.homepage.artwork.entries_of`.
    """
    entries = entries_of(catalogue, request.titles)
    try:
        check_versions(policy, catalogue)
        slots = drawn_slots(policy, request, entries, key=stamp.key, house=house)
    except Exception:
        logger.exception("policy %s failed; the page shows default artworks", policy.version)
        return fallback_page(request, catalogue, stamp=stamp, house=house)
    page = _page(request, catalogue, policy=policy, stamp=stamp, slots=slots)
    return msgspec.structs.replace(page, diversity=house.diversity) if house.diversity else page


def fallback_page(request: PageRequest, catalogue: Catalogue, *, stamp: PageStamp, house: House = _OPEN) -> Page:
    """Show every asked title's default artwork, or the one that people pinned.

    Raises:
        UnknownTitles, TitlesWithoutArtwork: see `api.homepage.artwork.entries_of`.
    """
    pairs = zip(request.titles, entries_of(catalogue, request.titles), strict=True)
    slots = tuple(default_slot(asked, entry, request=request, house=house) for asked, entry in pairs)
    return _page(request, catalogue, policy=DefaultArtworkPolicy(), stamp=stamp, slots=slots)


def _page(
    request: PageRequest, catalogue: Catalogue, *, policy: Policy, stamp: PageStamp, slots: tuple[Slot, ...]
) -> Page:
    viewer = request.viewer
    return Page(
        page=stamp.page,
        viewer=viewer.viewer,
        at=stamp.at,
        request=request.context,
        policy=policy.version,
        policy_digest=policy.digest,
        embedding_version=catalogue.embedding_version,
        foundation_version=viewer.foundation_version,
        viewer_vector=_logged(viewer.vector),
        intent_vector=_logged(viewer.intent),
        intent_version=viewer.intent_version,
        salt=stamp.key.salt,
        window=stamp.key.window,
        slots=slots,
    )


def _logged(vector: Vector | None) -> bytes | None:
    return None if vector is None else vector.astype(np.dtype("<f4")).tobytes()
