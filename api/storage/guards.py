"""What people order of artworks: guards set and lifted, artworks paused, resumed and retired, each with who and why.

Knows no request and no probability: what guards mean is in `bandit.guards`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from api.errors import Conflict, UnknownGuard
from api.storage.audit_log import Facts, Told, record
from api.storage.catalog import find_artwork, find_title, list_artworks, write_artwork
from api.storage.columns import chunks
from api.storage.jobs import JobKind, enqueue
from api.storage.revisions import Revision, next_revision
from api.storage.tables import artwork_changes, artwork_vectors, embedding_versions, guards
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, TitleId
from bandit.errors import InvalidGuard
from bandit.guards import Guard, Pin, Schedule, Share, Span, check_shares


class GuardKind(StrEnum):
    """What a guard does: shows one artwork only, only in its time, or between two shares."""

    PIN = "pin"
    SCHEDULE = "schedule"
    SHARE = "share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Who changes something, why and when; kept for ever."""

    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGuard:
    """A guard as it was set, under its number, and the edit that lifted it, if one did."""

    number: int
    title: TitleId
    guard: Guard
    set: Edit
    lifted: Edit | None = None

    @property
    def kind(self) -> GuardKind:
        """What it does."""
        return _KINDS[type(self.guard)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtworkChange:
    """A change of an artwork's state by people; `number` counts all changes."""

    number: int
    artwork: ArtworkId
    state: ArtworkState
    edit: Edit


def set_guard(connection: Connection, title: TitleId, guard: Guard, *, edit: Edit) -> StoredGuard:
    """Set a guard. A share takes the place of the artwork's former one.

    Raises:
        UnknownTitle, UnknownArtwork: they do not exist.
        Conflict: the artwork is retired or rejected, or the title's shares cannot be kept together.
    """
    revision = next_revision(connection, Revision.CATALOG)
    artwork = find_artwork(connection, title, guard.artwork)
    if artwork.state in _GONE:
        raise Conflict(f"The artwork {guard.artwork!r} is {artwork.state}.", "Guard one that can be shown.")
    if isinstance(guard, Share):
        _make_room(connection, title, guard, revision=revision, edit=edit)
    row = {"title": title, "revision": revision, **_row(guard), **_edit_row(edit)}
    number = connection.execute(insert(guards).values(row).returning(guards.c.guard)).scalar_one()
    stored = StoredGuard(number=number, title=title, guard=guard, set=edit)
    _record(connection, stored, "guard.set", edit=edit, after=_facts(stored))
    return stored


def lift_guard(connection: Connection, title: TitleId, number: int, *, edit: Edit) -> StoredGuard:
    """Lift a guard: it has no force from now on, and stays on the record.

    Raises:
        UnknownGuard: the title has none of this number.
        Conflict: it was lifted before.
    """
    revision = next_revision(connection, Revision.CATALOG)
    one = select(guards).where(guards.c.title == title, guards.c.guard == number)
    row = connection.execute(one).mappings().one_or_none()
    if row is None:
        raise UnknownGuard(f"The title {title!r} has no guard {number}.", "List them: GET …/guards.")
    if row["lifted_at"] is not None:
        raise Conflict(f"The guard {number} was lifted before, by {row['lifted_by']}.", "There is nothing left to do.")
    _lift(connection, number, revision=revision, edit=edit)
    stored = _stored(row)
    _record(connection, stored, "guard.lift", edit=edit, before=_facts(stored))
    return replace(stored, lifted=edit)


def list_guards(
    connection: Connection, title: TitleId, *, before: int | None = None, limit: int | None = None
) -> list[StoredGuard]:
    """Return the guards that a title ever had, the one set last first: numbers under `before`, at most `limit`.

    Raises:
        UnknownTitle: it does not exist.
    """
    find_title(connection, title)
    listed = select(guards).where(guards.c.title == title).order_by(guards.c.guard.desc()).limit(limit)
    if before is not None:
        listed = listed.where(guards.c.guard < before)
    return [_stored(row) for row in connection.execute(listed).mappings()]


def guards_in_force(connection: Connection, titles: Iterable[TitleId]) -> dict[TitleId, list[Guard]]:
    """Return the guards of the titles that are not lifted, in the order in which they were set."""
    found: dict[TitleId, list[Guard]] = {}
    for chunk in chunks(titles):
        standing = select(guards).where(guards.c.title.in_(chunk), guards.c.lifted_at.is_(None))
        rows = connection.execute(standing.order_by(guards.c.title, guards.c.guard)).mappings()
        for title, own in groupby(rows, key=lambda row: TitleId(row["title"])):
            found[title] = [_guard(row) for row in own]
    return found


def titles_reguarded_since(connection: Connection, revision: int) -> set[TitleId]:
    """Return the titles whose guards changed after a revision of the catalogue."""
    changed = select(guards.c.title).where(guards.c.revision > revision).distinct()
    return {TitleId(title) for title in connection.scalars(changed)}


def change_state(
    connection: Connection, title: TitleId, artwork: ArtworkId, *, state: ArtworkState, edit: Edit
) -> Artwork:
    """Pause, retire or resume (ACTIVE) an artwork, and return it; one that is in that state already stays as it is.

    What is resumed without a vector in the live embedding version is processing until a worker embeds it.

    Raises:
        UnknownTitle, UnknownArtwork: they do not exist.
        Conflict: it is the default of its title, or it was rejected or never had an image and is to be resumed.
    """
    revision = next_revision(connection, Revision.CATALOG)
    known = find_artwork(connection, title, artwork)
    if known.state is state or (state is ArtworkState.ACTIVE and known.state is ArtworkState.PROCESSING):
        return known
    _check_change(known, state)
    reached = state
    if state is ArtworkState.ACTIVE and not _is_embedded(connection, known.image):
        reached = ArtworkState.PROCESSING
    changed = replace(known, state=reached, reason=None if state is ArtworkState.ACTIVE else edit.reason)
    write_artwork(connection, changed, revision=revision, now=edit.at)
    if reached is ArtworkState.PROCESSING and changed.image is not None:
        enqueue(connection, JobKind.EMBED_IMAGE, key=changed.image, now=edit.at, payload={"image": changed.image})
    journal = {"title": title, "artwork": artwork, "state": state, **_edit_row(edit)}
    connection.execute(insert(artwork_changes).values(journal))
    then, now = {"state": known.state, "reason": known.reason}, {"state": changed.state, "reason": changed.reason}
    subject, action = f"artwork/{title}/{artwork}", f"artwork.{_ACTIONS[state]}"
    told = Told(before=then, after=now, reason=edit.reason)
    record(connection, actor=edit.actor, action=action, subject=subject, now=edit.at, **told)
    return changed


def list_changes(
    connection: Connection, title: TitleId, *, before: int | None = None, limit: int | None = None
) -> list[ArtworkChange]:
    """Return who paused, resumed and retired artworks of a title, the newest change first.

    Those with numbers under `before`, at most `limit`.
    """
    listed = select(artwork_changes).where(artwork_changes.c.title == title)
    if before is not None:
        listed = listed.where(artwork_changes.c.change < before)
    rows = connection.execute(listed.order_by(artwork_changes.c.change.desc()).limit(limit))
    return [
        ArtworkChange(
            number=row["change"],
            artwork=ArtworkId(row["artwork"]),
            state=ArtworkState(row["state"]),
            edit=_edit(row),
        )
        for row in rows.mappings()
    ]


_ACTIONS = {ArtworkState.ACTIVE: "resume", ArtworkState.PAUSED: "pause", ArtworkState.RETIRED: "retire"}
_GONE = (ArtworkState.RETIRED, ArtworkState.REJECTED)
_KINDS: Mapping[type[Guard], GuardKind] = {
    Pin: GuardKind.PIN,
    Schedule: GuardKind.SCHEDULE,
    Share: GuardKind.SHARE,
}


def _record(
    connection: Connection,
    stored: StoredGuard,
    action: str,
    *,
    edit: Edit,
    before: Facts | None = None,
    after: Facts | None = None,
) -> None:
    subject = f"artwork/{stored.title}/{stored.guard.artwork}"
    told = Told(before=before, after=after, reason=edit.reason)
    record(connection, actor=edit.actor, action=action, subject=subject, now=edit.at, **told)


def _facts(stored: StoredGuard) -> Facts:
    return {"guard": stored.number, **_row(stored.guard)}


def _make_room(connection: Connection, title: TitleId, share: Share, *, revision: int, edit: Edit) -> None:
    """Lift the artwork's former share, and see that the new one can be kept beside the title's other ones."""
    standing = list(_standing_shares(connection, title))
    others = [each for _, each in standing if each.artwork != share.artwork]
    shown = [each for each in list_artworks(connection, title) if each.state not in _GONE]
    named = {share.artwork, *(each.artwork for each in others)}
    try:
        check_shares([*others, share], others=sum(each.artwork not in named for each in shown))
    except InvalidGuard as error:
        raise Conflict(f"The shares cannot be kept together: {error}.", "Lift or change another one first.") from error
    for number, each in standing:
        if each.artwork == share.artwork:
            _lift(connection, number, revision=revision, edit=edit)


def _standing_shares(connection: Connection, title: TitleId) -> Iterator[tuple[int, Share]]:
    standing = select(guards).where(
        guards.c.title == title, guards.c.kind == GuardKind.SHARE, guards.c.lifted_at.is_(None)
    )
    for row in connection.execute(standing).mappings():
        guard = _guard(row)
        if isinstance(guard, Share):
            yield row["guard"], guard


def _check_change(known: Artwork, state: ArtworkState) -> None:
    if known.default and state in (ArtworkState.PAUSED, ArtworkState.RETIRED):
        raise Conflict(
            f"The artwork {known.artwork!r} is the default of its title, which must always be there to show.",
            'Make another one the default first: PUT …/artworks/OTHER {"default": true}.',
        )
    if state is ArtworkState.ACTIVE and known.state is ArtworkState.REJECTED:
        raise Conflict(f"The artwork {known.artwork!r} was rejected: {known.reason}.", "Upload another image for it.")


def _is_embedded(connection: Connection, image: ImageHash | None) -> bool:
    joined = artwork_vectors.join(embedding_versions)
    live = select(artwork_vectors.c.image).select_from(joined).where(embedding_versions.c.live)
    return connection.execute(live.where(artwork_vectors.c.image == image)).first() is not None


def _lift(connection: Connection, number: int, *, revision: int, edit: Edit) -> None:
    lifted = {"lifted_by": edit.actor, "lifted_because": edit.reason, "lifted_at": edit.at, "revision": revision}
    connection.execute(update(guards).where(guards.c.guard == number).values(lifted))


def _row(guard: Guard) -> dict[str, Any]:
    row: dict[str, Any] = {"artwork": guard.artwork, "kind": _KINDS[type(guard)]}
    if isinstance(guard, Share):
        return {**row, "minimum": guard.minimum, "maximum": guard.maximum}
    row.update(starts_at=guard.span.since, ends_at=guard.span.until)
    return {**row, "locale": guard.locale} if isinstance(guard, Pin) else row


def _guard(row: RowMapping) -> Guard:
    artwork = ArtworkId(row["artwork"])
    if row["kind"] == GuardKind.SHARE:
        return Share(artwork=artwork, minimum=row["minimum"], maximum=row["maximum"])
    span = Span(since=row["starts_at"], until=row["ends_at"])
    if row["kind"] == GuardKind.SCHEDULE:
        return Schedule(artwork=artwork, span=span)
    return Pin(artwork=artwork, span=span, locale=row["locale"])


def _edit_row(edit: Edit) -> dict[str, Any]:
    return {"actor": edit.actor, "reason": edit.reason, "at": edit.at}


def _edit(row: RowMapping) -> Edit:
    return Edit(actor=row["actor"], reason=row["reason"], at=row["at"])


def _stored(row: RowMapping) -> StoredGuard:
    lifted = (
        None
        if row["lifted_at"] is None
        else Edit(actor=row["lifted_by"], reason=row["lifted_because"], at=row["lifted_at"])
    )
    return StoredGuard(
        number=row["guard"], title=TitleId(row["title"]), guard=_guard(row), set=_edit(row), lifted=lifted
    )
