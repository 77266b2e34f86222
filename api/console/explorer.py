"""The explorer: what one viewer would be shown of a title and why, and what became of a logged decision.

A viewer's id comes in the body of a form only, never in an address, and is a pseudonym before anything looks at it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.console.asking import Asking, read_asking
from api.console.explored import contributions_of, explore
from api.console.forms import FormDep
from api.console.refusals import ConsoleRoute
from api.console.rendering import rendered
from api.dependencies.answers import image_address
from api.dependencies.explaining import explanation_of
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.errors import ForgedDecision, KeyartError, UnknownDecision
from api.storage.database import reading
from api.storage.outcomes import outcomes_of
from api.storage.pages import find_page
from api.storage.rewards import rewards_of
from bandit.decision import IMAGE_KEY_DIGITS, Page, Slot
from bandit.features import CATEGORIES, DEFAULT_FEATURES

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)

TITLES_LISTED = 2000
_CHOICES = {each.name: each.values for each in DEFAULT_FEATURES if each.name in CATEGORIES and each.values}

DecisionPath = Annotated[str, Path(max_length=256)]


@router.get("/console/explorer")
def explorer(request: Request, services: ServicesDep, title: Annotated[str, Query(max_length=128)] = "") -> Response:
    """Show the form; `title` fills it in."""
    return _form(request, services, Asking(title=title))


@router.post("/console/explorer")
def explored(request: Request, services: ServicesDep, sent: FormDep) -> Response:
    """Answer what the viewer would be shown. Logs nothing."""
    asking, question = read_asking(sent, services.keys, now=datetime.now(UTC))
    if question is None:
        return _form(request, services, asking, status=422)
    try:
        found = explore(services, question)
    except KeyartError as error:
        return _form(request, services, asking, more={"refused": error}, status=error.status)
    return _form(request, services, asking, more={"found": found})


@router.get("/console/decisions")
def look_up(request: Request, services: ServicesDep, decision: Annotated[str, Query(max_length=256)] = "") -> Response:
    """Lead to a decision by its id, or say in place that there is none."""
    decision = decision.strip()
    try:
        _find(services, decision)
    except KeyartError as error:
        return _form(request, services, Asking(), more={"not_found": error}, status=error.status)
    return RedirectResponse(f"/console/decisions/{quote(decision, safe='')}", status_code=303)


@router.get("/console/decisions/{decision}")
def logged(decision: DecisionPath, request: Request, services: ServicesDep) -> Response:
    """Show a logged decision: what it was drawn from, why, and what became of it."""
    page, index = _find(services, decision)
    slot = page.slots[index]
    with reading(services.engine) as connection:
        outcomes = outcomes_of(connection, [page.page]).get(page.page, [])
        rewards = rewards_of(connection, page.page)
    entry = services.catalogue.current.titles.get(slot.title)
    explanation = explanation_of(services, page, slot)
    context = {
        "decision": decision,
        "page": page,
        "slot": slot,
        "name": entry.title.name if entry else slot.title,
        "rows": _rows(services, slot),
        "explanation": explanation,
        "contributions": contributions_of(explanation) if explanation else [],
        "outcomes": sorted((each for each in outcomes if each.slot == index), key=lambda each: each.at),
        "rewards": [each for each in rewards if each.slot == index],
        "place": index,
    }
    return rendered(request, services, "logged.html", context)


def _find(services: Services, decision: str) -> tuple[Page, int]:
    """The page of a genuine decision id, and the place of its slot.

    Raises:
        UnknownDecision: the id was not issued here, or its page is not in the log.
    """
    try:
        signed = services.keys.read_decision(decision)
    except ForgedDecision as error:
        raise UnknownDecision(error.message, "Copy the whole id that /v1/select answered with.") from error
    with reading(services.engine) as connection:
        return find_page(connection, signed.page), signed.slot


def _rows(services: Services, slot: Slot) -> list[dict[str, object]]:
    """The slot's artworks with their pictures as they are today, the likeliest first."""
    entry = services.catalogue.current.titles.get(slot.title)
    images = {each.artwork: each.image for each in entry.artworks if each.image} if entry else {}
    rows: list[dict[str, object]] = []
    for place, (artwork, key, probability) in enumerate(
        zip(slot.artworks, slot.images, slot.probabilities, strict=True)
    ):
        today = images.get(artwork)
        same = today is not None and today[:IMAGE_KEY_DIGITS] == key
        rows.append(
            {
                "artwork": artwork,
                "image": image_address(services, today) if today and same else None,
                "probability": probability,
                "drawn": place == slot.chosen,
                "bounds": slot.bounds[place] if slot.bounds else None,
            }
        )
    return sorted(rows, key=lambda row: (-float(str(row["probability"])), not row["drawn"]))


def _form(
    request: Request,
    services: Services,
    asking: Asking,
    *,
    more: Mapping[str, object] | None = None,
    status: int = 200,
) -> Response:
    """The form as it was filled in; `more` is what it was answered with."""
    titles = sorted(services.catalogue.current.titles.values(), key=lambda entry: entry.title.name)
    context = {
        "form": asking,
        "titles": [(entry.title.title, entry.title.name) for entry in titles[:TITLES_LISTED]],
        "choices": _CHOICES,
        **(more or {}),
    }
    return rendered(request, services, "explorer.html", context, status=status)
