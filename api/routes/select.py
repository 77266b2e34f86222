"""POST /v1/select and /v1/select:batch: one artwork for every title of a page, decided, made durable, then answered.

The page itself is made by `api.dependencies.desk`; `select_door.py` is the quick way to it for requests in good order.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import Field, model_validator

from api.dependencies.pages import SelectCall
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.homepage.request import AskedTitle
from api.routes.wire import CatalogueId, Digits, Moment, OpaqueId, Real, Whole, Wire, Word
from api.security import Keys
from artwork.catalog import TitleId
from bandit.context import RequestContext

router = APIRouter(tags=["serving"])

MOST_PAGES = 500
MOST_TITLES = 5000


class ContextBody(Wire):
    """What is known of the request; a closed schema. `at` is when the page is shown, by default now."""

    device: Word | None = None
    at: Moment | None = None
    row: Word | None = None
    canvas: Word | None = None
    locale: Word | None = None


class AskedBody(Wire):
    """A title of the page; `position` counts from 0 and is its place in the list by default."""

    title: CatalogueId
    position: Annotated[Whole, Field(ge=0, le=10_000)] | None = None
    score: Real | None = None


class SelectBody(Wire):
    """One call a page."""

    viewer: OpaqueId
    context: ContextBody = ContextBody()
    titles: Annotated[list[AskedBody], Field(min_length=1, max_length=100)]


class PrecomputeBody(SelectBody):
    """One page among many. `idempotency_key` does for it what the header does for a single page."""

    idempotency_key: Annotated[OpaqueId, Field(max_length=255)] | None = None


class BatchBody(Wire):
    """Pages of many viewers, to be shown later: `context.at` says when. Up to 500 pages and 5,000 titles in all."""

    requests: Annotated[list[PrecomputeBody], Field(min_length=1, max_length=MOST_PAGES)]

    @model_validator(mode="after")
    def _few_enough(self) -> "BatchBody":
        asked = sum(len(each.titles) for each in self.requests)
        if asked > MOST_TITLES:
            raise ValueError(f"{asked} titles in one batch are too many: send at most {MOST_TITLES}")
        keys = [each.idempotency_key for each in self.requests if each.idempotency_key is not None]
        if len(set(keys)) < len(keys):
            raise ValueError("an idempotency_key stands at two requests: give each its own")
        return self


class SlotAnswer(Wire):
    """The artwork of one title, the probability that it was drawn with, and why it is shown."""

    title: str
    decision: str
    artwork: str
    image: str
    probability: float
    reason: str


class SelectAnswer(Wire):
    """`logged` is false when the page could not be made durable in time: it then shows default artworks."""

    page: str
    policy: str
    logged: bool
    slots: list[SlotAnswer]


class BatchSelectAnswer(Wire):
    """The pages, in the order of the requests."""

    pages: list[SelectAnswer]


IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
TimeBudget = Annotated[
    Digits | None, Header(ge=1, le=600_000, alias="Keyart-Time-Budget", description="Milliseconds the answer may take.")
]


@router.post("/select", response_model=SelectAnswer)
async def select(
    body: SelectBody,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
    time_budget: TimeBudget = None,
) -> Response:
    """Decide which artwork every title shows to this viewer. The same `Idempotency-Key` gives the same answer.

    `Keyart-Time-Budget` makes the server answer sooner than its setting says: then with default artworks.
    """
    budget = budget_of(services.settings.select_budget_ms, time_budget)
    key = stored_key(idempotency_key, body.viewer, services.keys)
    budget = await services.late_titles.look_for([TitleId(each.title) for each in body.titles], budget=budget)
    call = call_from(body, budget=budget, idempotency_key=key, now=datetime.now(UTC))
    return Response(await services.pages.answered(call), media_type="application/json")


@router.post("/select:batch", response_model=BatchSelectAnswer)
async def select_batch(
    body: BatchBody,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
    time_budget: TimeBudget = None,
) -> Response:
    """Decide the pages of many viewers ahead of time, with the probabilities that they would get one by one.

    Pages that are asked for one by one go first. Nothing is decided where one of the requests is refused. An
    `Idempotency-Key` stands, with the page's place, for the `idempotency_key` of each page that has none.
    """
    budget = budget_of(services.settings.batch_budget_ms, time_budget)
    asked_titles = [TitleId(title.title) for each in body.requests for title in each.titles]
    budget = await services.late_titles.look_for(asked_titles, budget=budget)
    now = datetime.now(UTC)
    own = [key_of_place(each.idempotency_key, idempotency_key, place) for place, each in enumerate(body.requests)]
    keys = [stored_key(key, each.viewer, services.keys) for key, each in zip(own, body.requests, strict=True)]
    asked = zip(body.requests, keys, strict=True)
    calls = [call_from(each, budget=budget, idempotency_key=key, now=now) for each, key in asked]
    return Response(await answer_together(services, calls), media_type="application/json")


async def answer_together(services: Services, calls: Sequence[SelectCall]) -> bytes:
    """Return the answer of a batch: all pages, or the refusal of all.

    Raises:
        KeyartError: one of the calls would be refused.
    """
    await asyncio.to_thread(services.pages.check, calls)
    pages = await asyncio.gather(*(services.pages.answered(call, precomputed=True) for call in calls))
    return b'{"pages":[' + b",".join(pages) + b"]}"


def budget_of(allowed_ms: int, asked_ms: int | None) -> float:
    """How long an answer may take, in seconds: what the setting allows, or less where the caller says so."""
    return min(allowed_ms, asked_ms or allowed_ms) / 1000


def key_of_place(own: str | None, batch_key: str | None, place: int) -> str | None:
    """Return the key of one page of a batch: its own, or one that belongs to its place under the key of the batch."""
    if own is not None or batch_key is None:
        return own
    digest = hashlib.sha256(batch_key.encode("latin-1", "replace")).hexdigest()
    return f"batch-{digest}-{place}"


def stored_key(key: str | None, viewer: str, keys: Keys) -> str | None:
    """Return an idempotency key as it is kept: without the viewer's raw id (C11)."""
    return None if key is None else keys.unnamed(key, viewer)


def call_from(body: SelectBody, *, budget: float, idempotency_key: str | None, now: datetime) -> SelectCall:
    """Return what a body asks for; a page is shown `now` where it says nothing else."""
    titles = tuple(
        AskedTitle(
            title=TitleId(each.title),
            position=index if each.position is None else each.position,
            score=each.score,
        )
        for index, each in enumerate(body.titles)
    )
    context = body.context
    return SelectCall(
        viewer=body.viewer,
        context=RequestContext(
            at=context.at or now,
            device=context.device,
            row=context.row,
            canvas=context.canvas,
            locale=context.locale,
        ),
        at_given=context.at is not None,
        titles=titles,
        budget=budget,
        idempotency_key=idempotency_key,
    )
