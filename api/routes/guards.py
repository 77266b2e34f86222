"""What people order of a title's artworks: pins, schedules, shares; pause, resume, retire. Each with its reason."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import Connection

from api.dependencies.access import ActorDep
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.errors import BadInput
from api.routes.artworks import ArtworkAnswer, ArtworkPath, artwork_answer, present_artwork
from api.routes.listing import USUAL, Cursor, Limit, Number, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import Conditions, Meant, ReadersTag, tagged
from api.routes.titles import TitlePath
from api.routes.wire import CatalogueId, Digits, Locale, Moment, Real, Text, Wire
from api.storage.database import reading, transaction
from api.storage.guards import (
    ArtworkChange,
    Edit,
    GuardKind,
    StoredGuard,
    change_state,
    lift_guard,
    list_changes,
    list_guards,
    set_guard,
)
from api.storage.revisions import Revision, hold
from artwork.catalog import Artwork, ArtworkId, ArtworkState, TitleId
from bandit.errors import InvalidGuard
from bandit.guards import Guard, Pin, Schedule, Share, Span

router = APIRouter(prefix="/titles/{title}", tags=["guards"], route_class=OnceRoute)

GuardPath = Annotated[Digits, Path(ge=1, le=2**62)]
Part = Annotated[Real, Field(ge=0, le=1)]


class WhyBody(Wire):
    """Why; kept for ever."""

    reason: Text


class GuardBody(WhyBody):
    """A guard to set. A pin may have `locale`, pin and schedule `from` and `until`, a share `minimum` and `maximum`."""

    kind: GuardKind
    artwork: CatalogueId
    locale: Locale | None = None
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Moment | None = None
    minimum: Part | None = None
    maximum: Part | None = None


class EditAnswer(Wire):
    """Who did something, why and when."""

    actor: str
    reason: str
    at: datetime


class GuardAnswer(Wire):
    """A guard under its number; `lifted` says who took it off, and is null while it stands."""

    guard: int
    kind: GuardKind
    artwork: str
    locale: str | None
    since: Annotated[datetime | None, Field(alias="from")]
    until: datetime | None
    minimum: float | None
    maximum: float | None
    set: EditAnswer
    lifted: EditAnswer | None


class ChangeAnswer(Wire):
    """A change of an artwork's state by people."""

    artwork: str
    state: ArtworkState
    edit: EditAnswer


class GuardsAnswer(Wire):
    """The guards that the title ever had and the changes of states, the newest first.

    `next` is the `cursor` of the part that follows of either.
    """

    guards: list[GuardAnswer]
    changes: list[ChangeAnswer]
    next: str | None = None


@router.get("/guards", response_model=GuardsAnswer)
def listed(
    title: TitlePath,
    services: ServicesDep,
    cursor: Cursor = None,
    limit: Limit = USUAL,
    if_none_match: ReadersTag = None,
) -> Response:
    """List a title's guards, those that stand and those that were lifted, and who paused what: `limit` of each."""
    with reading(services.engine) as connection:
        answer = _listed(connection, TitleId(title), cursor=cursor, limit=limit)
    return tagged(answer, if_none_match)


def _listed(connection: Connection, title: TitleId, *, cursor: Cursor = None, limit: int = USUAL) -> GuardsAnswer:
    guard, change = (None, None) if cursor is None else place_of(cursor, "guards", tuple[Number, Number])
    found = list_guards(connection, title, before=guard, limit=limit + 1)
    changed = list_changes(connection, title, before=change, limit=limit + 1)
    guards, last_guard = part_of(found, limit)
    changes, last_change = part_of(changed, limit)
    # Nothing has a number under 0: where one of the two ends, the following part has none of it.
    places = (last_guard.number if last_guard else 0, last_change.number if last_change else 0)
    return GuardsAnswer(
        guards=[guard_answer(each) for each in guards],
        changes=[_change(each) for each in changes],
        next=cursor_of("guards", *places) if any(places) else None,
    )


@router.post("/guards", status_code=201, response_model=GuardAnswer, dependencies=[ONCE])
def put(title: TitlePath, body: GuardBody, actor: ActorDep, services: ServicesDep, meant: Meant) -> GuardAnswer:
    """Set a guard. Running servers follow within moments. `If-Match` bounds it to the list of guards that was read."""
    guard = guard_of(body)
    with transaction(services.engine) as connection:
        hold(connection, Revision.CATALOG)
        meant.check(lambda: _listed(connection, TitleId(title)))
        stored = set_guard(connection, TitleId(title), guard, edit=edit_of(body, actor))
    services.refresh()
    return guard_answer(stored)


@router.post("/guards/{guard}:lift", response_model=GuardAnswer, dependencies=[ONCE])
def lift(
    title: TitlePath, guard: GuardPath, body: WhyBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> GuardAnswer:
    """Take a guard off; it stays on the record. `If-Match` bounds it to the list of guards that was read."""
    with transaction(services.engine) as connection:
        hold(connection, Revision.CATALOG)
        meant.check(lambda: _listed(connection, TitleId(title)))
        lifted = lift_guard(connection, TitleId(title), guard, edit=edit_of(body, actor))
    services.refresh()
    return guard_answer(lifted)


@router.post("/artworks/{artwork}:pause", response_model=ArtworkAnswer, dependencies=[ONCE])
def pause(
    title: TitlePath, artwork: ArtworkPath, body: WhyBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> Response:
    """Show an artwork no more until it is resumed; what is known of it stays. `If-Match` bounds it to what was read."""
    return _to(services, _named(title, artwork), ArtworkState.PAUSED, edit=edit_of(body, actor), meant=meant)


@router.post("/artworks/{artwork}:resume", response_model=ArtworkAnswer, dependencies=[ONCE])
def resume(
    title: TitlePath, artwork: ArtworkPath, body: WhyBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> Response:
    """Let a paused or retired artwork be shown again. `If-Match` bounds it to what was read."""
    return _to(services, _named(title, artwork), ArtworkState.ACTIVE, edit=edit_of(body, actor), meant=meant)


@router.post("/artworks/{artwork}:retire", response_model=ArtworkAnswer, dependencies=[ONCE])
def retire(
    title: TitlePath, artwork: ArtworkPath, body: WhyBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> Response:
    """Show an artwork no more. `If-Match` bounds it to what was read."""
    return _to(services, _named(title, artwork), ArtworkState.RETIRED, edit=edit_of(body, actor), meant=meant)


def guard_of(body: GuardBody) -> Guard:
    """The guard that a body describes.

    Raises:
        BadInput: it has a field that its kind does not know, or contradicts itself.
    """
    known = _FIELDS[body.kind]
    foreign = [name for name in _OPTIONAL if getattr(body, name) is not None and name not in known]
    if foreign or (body.kind is not GuardKind.PIN and all(getattr(body, name) is None for name in known)):
        raise BadInput(
            f"A {body.kind} is not described by {', '.join(foreign) or 'nothing'}.",
            "A pin may have locale, from, until; a schedule has from or until; a share has minimum or maximum.",
        )
    artwork = ArtworkId(body.artwork)
    try:
        if body.kind is GuardKind.SHARE:
            most = 1.0 if body.maximum is None else body.maximum
            return Share(artwork=artwork, minimum=body.minimum or 0.0, maximum=most)
        span = Span(since=body.since, until=body.until)
        if body.kind is GuardKind.SCHEDULE:
            return Schedule(artwork=artwork, span=span)
        return Pin(artwork=artwork, span=span, locale=body.locale)
    except InvalidGuard as error:
        raise BadInput(f"The guard cannot be kept: {error}.", "Nothing was set.") from error


def edit_of(body: WhyBody, actor: str) -> Edit:
    """Who asks over HTTP, why, and that it is now."""
    return Edit(actor=actor, reason=body.reason, at=datetime.now(UTC))


_OPTIONAL = ("locale", "since", "until", "minimum", "maximum")
_FIELDS = {
    GuardKind.PIN: ("locale", "since", "until"),
    GuardKind.SCHEDULE: ("since", "until"),
    GuardKind.SHARE: ("minimum", "maximum"),
}


def _named(title: str, artwork: str) -> Artwork:
    return Artwork(title=TitleId(title), artwork=ArtworkId(artwork))


def _to(services: Services, which: Artwork, state: ArtworkState, *, edit: Edit, meant: Conditions) -> Response:
    with transaction(services.engine) as connection:
        hold(connection, Revision.CATALOG)
        meant.check(lambda: present_artwork(services, connection, which))
        changed = change_state(connection, which.title, which.artwork, state=state, edit=edit)
    services.refresh()
    return tagged(artwork_answer(services, changed))


def guard_answer(stored: StoredGuard) -> GuardAnswer:
    """A guard as people read it."""
    guard = stored.guard
    span = Span() if isinstance(guard, Share) else guard.span
    return GuardAnswer.model_validate(
        {
            "guard": stored.number,
            "kind": stored.kind,
            "artwork": guard.artwork,
            "locale": guard.locale if isinstance(guard, Pin) else None,
            "from": span.since,
            "until": span.until,
            "minimum": guard.minimum if isinstance(guard, Share) else None,
            "maximum": guard.maximum if isinstance(guard, Share) else None,
            "set": _edit(stored.set),
            "lifted": None if stored.lifted is None else _edit(stored.lifted),
        }
    )


def _change(change: ArtworkChange) -> ChangeAnswer:
    return ChangeAnswer(artwork=change.artwork, state=change.state, edit=_edit(change.edit))


def _edit(edit: Edit) -> EditAnswer:
    return EditAnswer(actor=edit.actor, reason=edit.reason, at=edit.at)
