"""The file to open first: how a page is put together, stage by stage. Knows no HTTP, no SQL and no clock.

titles asked for → entries of the catalogue → eligible artworks → the policy's probabilities → draw → page
"""

import logging
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from api.homepage.artwork import entries_of
from api.homepage.catalogue import Catalogue, TitleEntry
from api.homepage.experiment import DrawKey, check_versions, default_slot, drawn_slots
from api.homepage.request import PageRequest
from bandit.decision import Page, PageId, Reason, Slot
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStamp:
    """What the edge gives a page: its id, its time and the key of its draws."""

    page: PageId
    at: datetime
    key: DrawKey


def assemble_page(request: PageRequest, catalogue: Catalogue, *, policy: Policy, stamp: PageStamp) -> Page:
    """Decide every asked title. A policy that fails costs the page its personal artworks, never the page.

    Raises:
        UnknownTitles, TitlesWithoutArtwork: see `api.homepage.artwork.entries_of`.
    """
    entries = entries_of(catalogue, request.titles)
    try:
        check_versions(policy, catalogue)
        slots = drawn_slots(policy, request, entries, key=stamp.key)
    except Exception:
        logger.exception("policy %s failed; the page shows default artworks", policy.version)
        return fallback_page(request, catalogue, stamp=stamp)
    return _page(request, catalogue, policy=policy, stamp=stamp, slots=slots)


def fallback_page(request: PageRequest, catalogue: Catalogue, *, stamp: PageStamp) -> Page:
    """Show every asked title's default artwork.

    Raises:
        UnknownTitles, TitlesWithoutArtwork: see `api.homepage.artwork.entries_of`.
    """
    slots = _default_slots(request, entries_of(catalogue, request.titles))
    return _page(request, catalogue, policy=DefaultArtworkPolicy(), stamp=stamp, slots=slots)


def _default_slots(request: PageRequest, entries: list[TitleEntry]) -> tuple[Slot, ...]:
    pairs = zip(request.titles, entries, strict=True)
    return tuple(default_slot(asked, entry, reason=Reason.FALLBACK) for asked, entry in pairs)


def _page(
    request: PageRequest, catalogue: Catalogue, *, policy: Policy, stamp: PageStamp, slots: tuple[Slot, ...]
) -> Page:
    vector = request.viewer.vector
    return Page(
        page=stamp.page,
        viewer=request.viewer.viewer,
        at=stamp.at,
        request=request.context,
        policy=policy.version,
        policy_digest=policy.digest,
        embedding_version=catalogue.embedding_version,
        foundation_version=request.viewer.foundation_version,
        viewer_vector=None if vector is None else vector.astype(np.dtype("<f4")).tobytes(),
        salt=stamp.key.salt,
        window=stamp.key.window,
        slots=slots,
    )
