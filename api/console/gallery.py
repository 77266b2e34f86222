"""The gallery: titles, their artworks, what three different viewers are shown and why. Shows, and logs nothing."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api.console.hindrances import orders_of
from api.console.refusals import ConsoleRoute
from api.console.rendering import rendered
from api.console.views import views_of
from api.dependencies.access import PrincipalDep
from api.dependencies.answers import image_address
from api.dependencies.permissions import WHO_DEPLOY
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.errors import UnknownTitle
from api.homepage.catalogue import TitleEntry
from artwork.catalog import Artwork, TitleId

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)


@router.get("/")
def front(principal: PrincipalDep) -> RedirectResponse:
    """Lead to the overview whoever may see it, the others to the gallery."""
    return RedirectResponse("/console" if principal.may(WHO_DEPLOY) else "/gallery")


@router.get("/gallery")
def gallery(request: Request, services: ServicesDep) -> Response:
    """Show every title."""
    entries = sorted(services.catalogue.current.titles.values(), key=lambda entry: entry.title.name)
    cards = [_card(services, entry) for entry in entries]
    return rendered(request, services, "titles.html", {"cards": cards}, scripts=False)


@router.get("/gallery/{title}")
def title_page(title: str, request: Request, services: ServicesDep) -> Response:
    """Show one title: its artworks, and what three different viewers see of it."""
    entry = services.catalogue.current.titles.get(TitleId(title))
    if entry is None:
        raise UnknownTitle(f"There is no title {title!r}.", "The gallery lists all of them: /gallery.")
    context = {
        "title": entry.title.title,
        "name": entry.title.name,
        "facts": _facts(entry),
        "views": views_of(services, entry) if entry.candidates else [],
        "why_no_views": _why_no_views(entry),
        "artworks": [_artwork(services, each, entry) for each in entry.artworks],
    }
    return rendered(request, services, "title.html", context, scripts=False)


def _card(services: Services, entry: TitleEntry) -> dict[str, Any]:
    shown = entry.default()
    return {
        "title": entry.title.title,
        "name": entry.title.name,
        "genres": entry.title.genres,
        "artworks": len(entry.artworks),
        "image": None if shown is None else image_address(services, shown.image),
    }


def _artwork(services: Services, artwork: Artwork, entry: TitleEntry) -> dict[str, Any]:
    return {
        "artwork": artwork.artwork,
        "default": artwork.default,
        "guards": orders_of(artwork, entry),
        "state": artwork.state.value,
        "reason": artwork.reason,
        "label": artwork.label,
        "image": None if artwork.image is None else image_address(services, artwork.image),
    }


def _facts(entry: TitleEntry) -> list[str]:
    title = entry.title
    length = "" if title.runtime_seconds is None else f"{title.runtime_seconds // 60} min"
    return [fact for fact in (title.kind.value, ", ".join(title.genres), str(title.year or ""), length) if fact]


def _why_no_views(entry: TitleEntry) -> str:
    if not entry.candidates:
        return "No artwork of this title is active yet: upload an image and run `keyart worker`."
    return "No viewer has a vector yet: post events, then run `keyart foundation train`."
