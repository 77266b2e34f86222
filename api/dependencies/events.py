"""How interactions come in: viewers become pseudonyms before anything is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.dependencies.services import Services
from api.storage.database import transaction
from api.storage.events import add_events
from artwork.catalog import TitleId
from foundation.events import Action, Event, EventId

AHEAD = timedelta(days=1)
"""How far a time of what happened may be ahead of this machine's clock."""

TOO_FAR_AHEAD = "The time lies more than a day ahead: send when it happened, in UTC or with its offset."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """An interaction as it was sent, with the viewer's raw id."""

    event: str
    viewer: str
    title: str
    action: Action
    at: datetime
    device: str | None = None
    canvas: str | None = None
    row: str | None = None
    seconds: float | None = None
    of_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: how many were new, how many were known, and which were refused (event, reason)."""

    accepted: int
    duplicates: int
    rejected: list[tuple[str, str]]


def take_events(services: Services, reported: Sequence[ReportedEvent]) -> Taken:
    """Keep the events of known titles, durable before this returns.

    Raises:
        StorageUnavailable: nothing of the batch was kept; it can be sent again.
    """
    now = datetime.now(UTC)
    unknown = _unknown_titles(services, {TitleId(each.title) for each in reported})
    rejected: list[tuple[str, str]] = []
    kept: list[Event] = []
    for each in reported:
        if each.title in unknown:
            rejected.append((each.event, f"There is no title {each.title}: put it first."))
        elif each.at > now + AHEAD:
            rejected.append((each.event, TOO_FAR_AHEAD))
        else:
            kept.append(_pseudonymous(services, each))
    with transaction(services.engine) as connection:
        added = add_events(connection, kept, now=now)
    for fate, count in (("accepted", added.accepted), ("duplicate", added.duplicates), ("rejected", len(rejected))):
        services.metrics.events.labels(fate).inc(count)
    return Taken(added.accepted, added.duplicates, rejected)


def _unknown_titles(services: Services, titles: set[TitleId]) -> set[TitleId]:
    """Tell which titles do not exist; one that was put a moment ago may not be in the mirror yet."""
    if not titles <= services.catalogue.current.titles.keys():
        services.catalogue.refresh()
    return titles - services.catalogue.current.titles.keys()


def _pseudonymous(services: Services, reported: ReportedEvent) -> Event:
    return Event(
        event=EventId(services.keys.unnamed(reported.event, reported.viewer)),
        viewer=services.keys.pseudonym(reported.viewer),
        title=reported.title,
        action=reported.action,
        at=reported.at,
        device=reported.device,
        canvas=reported.canvas,
        row=reported.row,
        seconds=reported.seconds,
        of_seconds=reported.of_seconds,
    )
