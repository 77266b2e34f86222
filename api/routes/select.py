"""POST /v1/select: one artwork for every title of a page, decided, made durable, then answered (C1)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import Field

from api.dependencies.pages import SelectCall, select_page
from api.dependencies.requests import ServicesDep
from api.homepage.request import AskedTitle
from api.routes.wire import CatalogueId, Moment, OpaqueId, Wire, Word
from artwork.catalog import TitleId
from bandit.context import RequestContext

router = APIRouter(tags=["serving"])


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
    position: Annotated[int, Field(ge=0, le=10_000)] | None = None
    score: float | None = None


class SelectBody(Wire):
    """One call a page."""

    viewer: OpaqueId
    context: ContextBody = ContextBody()
    titles: Annotated[list[AskedBody], Field(min_length=1, max_length=100)]


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


@router.post("/select", response_model=SelectAnswer)
def select(
    body: SelectBody,
    services: ServicesDep,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Response:
    """Decide which artwork every title shows to this viewer. The same `Idempotency-Key` gives the same answer."""
    answer = select_page(services, _call(body, idempotency_key))
    return Response(answer, media_type="application/json")


def _call(body: SelectBody, idempotency_key: str | None) -> SelectCall:
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
            at=context.at or datetime.now(UTC),
            device=context.device,
            row=context.row,
            canvas=context.canvas,
            locale=context.locale,
        ),
        titles=titles,
        idempotency_key=idempotency_key,
        # `at` defaults to the clock, so the digest is taken of what the caller sent.
        sent=body.model_dump_json(exclude_unset=True).encode(),
    )
