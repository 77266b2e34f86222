"""A decision log of the past for the console's tests: pages at given times, with final rewards, written in one go."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
from sqlalchemy import Engine, insert

from api.storage.database import transaction
from api.storage.pages import encode_page, page_id_at
from api.storage.rewards import PageRewards, RewardsBody, put_rewards
from api.storage.tables import pages
from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Page, PageId, PolicyVersionId, Rung, Slot
from bandit.rewards import QUALITY_PLAY
from bandit.valuing import SlotState
from foundation.events import ViewerId

SLOTS = 4
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A page of the past: `played` of its SLOTS slots were worth `reward`, the others were seen and worth nothing."""

    at: datetime
    viewer: int = 0
    policy: str = "uniform"
    rung: Rung = Rung.LIVE
    kept: float = 1.0
    played: int = 1
    reward: float = 1.0
    final: bool = True


def write(engine: Engine, past: Iterable[Past]) -> None:
    """Write the pages and their rewards."""
    made = [(one, _page(one)) for one in past]
    with transaction(engine) as connection:
        connection.execute(insert(pages), [_row(page) for _, page in made])
        put_rewards(connection, (_rewards(one, page.page) for one, page in made))


def every(step: timedelta, *, since: datetime, times: int) -> Iterable[datetime]:
    """Moments that follow one another."""
    return (since + number * step for number in range(times))


def _page(one: Past) -> Page:
    slot = Slot(
        title=TitleId("harbor"),
        artworks=(ArtworkId("a"),),
        images=("0" * 16,),
        probabilities=(1.0,),
        chosen=0,
        position=0,
    )
    return Page(
        page=PageId(f"{page_id_at(one.at)[:12]}7fff8{next(_numbers):015x}"),
        viewer=ViewerId(f"{one.viewer:032x}"),
        at=one.at,
        request=RequestContext(at=one.at),
        policy=PolicyVersionId(one.policy),
        policy_digest="0" * 64,
        embedding_version="fake",
        foundation_version=None,
        viewer_vector=None,
        salt="keyart",
        window=0,
        slots=(slot,) * SLOTS,
        rung=one.rung,
        kept=one.kept,
    )


def _row(page: Page) -> dict[str, object]:
    return {
        "page": page.page,
        "at": page.at.astimezone(UTC),
        "viewer": page.viewer,
        "policy": page.policy,
        "embedding_version": page.embedding_version,
        "slots": len(page.slots),
        "body": encode_page(page),
    }


def _rewards(one: Past, page: PageId) -> PageRewards:
    states = bytes([SlotState.REWARDED] * one.played + [SlotState.DEFAULTED] * (SLOTS - one.played))
    values = np.full((one.played, 1), one.reward).astype("<f8").tobytes()
    body = RewardsBody((QUALITY_PLAY,), states, values)
    return PageRewards(page=page, final=one.final, body=body, matched=one.played, late=0, rejected=0)
