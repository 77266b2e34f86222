"""What keeps an artwork from a request, in words. Decides nothing: what is eligible says `api.homepage.artwork`."""

from collections.abc import Iterator

from api.console.rendering import utc
from api.homepage.artwork import eligible
from api.homepage.catalogue import TitleEntry
from api.homepage.request import House, PageRequest
from artwork.catalog import Artwork, ArtworkState
from artwork.maturity import may_stand_for
from bandit.guards import Span, speaks

_STATES = {
    ArtworkState.PROCESSING: "its picture is not embedded yet",
    ArtworkState.PAUSED: "it is paused",
    ArtworkState.RETIRED: "it is retired",
    ArtworkState.REJECTED: "it was rejected",
}


def hindrances(artwork: Artwork, entry: TitleEntry, request: PageRequest, *, house: House) -> list[str]:
    """Say everything that keeps an artwork from this request. Of a title's default only its state and picture can."""
    found = list(_of_state(artwork, entry))
    default = entry.default()
    if default is None or default.artwork != artwork.artwork:
        found += _of_request(artwork, entry, request)
        found += _of_rating(artwork, entry, house)
        found += _of_schedule(artwork, entry, request)
    shown = {each.artwork for each in eligible(entry, request, house=house)}
    pinned = entry.guards.pinned(shown, request.context)  # a pin of what is not eligible has no force
    if pinned is not None and pinned != artwork.artwork and not found:
        found.append(f"{pinned} is pinned")
    return found


def orders_of(artwork: Artwork, entry: TitleEntry) -> list[str]:
    """What people ordered of an artwork, in a few words each."""
    guards, name = entry.guards, artwork.artwork
    pins = [
        f"pinned{span_in_words(each.span)} for {each.locale or 'everyone'}"
        for each in guards.pins
        if each.artwork == name
    ]
    schedules = [f"only{span_in_words(each.span)}" for each in guards.schedules if each.artwork == name]
    shares = [
        f"share {100 * each.minimum:.0f} to {100 * each.maximum:.0f} %"
        for each in guards.shares
        if each.artwork == name
    ]
    return pins + schedules + shares


def span_in_words(span: Span) -> str:
    """When a guard holds: nothing for always."""
    since = "" if span.since is None else f" from {utc(span.since)}"
    return since + ("" if span.until is None else f" until {utc(span.until)}")


def _of_state(artwork: Artwork, entry: TitleEntry) -> Iterator[str]:
    if artwork.state is not ArtworkState.ACTIVE:
        reason = f": {artwork.reason}" if artwork.reason else ""
        yield f"{_STATES[artwork.state]}{reason}"
    elif artwork.artwork not in entry.candidates:
        yield "its picture has no vector in the live embedding version yet"


def _of_request(artwork: Artwork, entry: TitleEntry, request: PageRequest) -> Iterator[str]:
    locale, device = request.context.locale, request.context.device
    if locale is not None and artwork.locales and not any(speaks(locale, each) for each in artwork.locales):
        yield f"it is for {', '.join(artwork.locales)}, and the request's locale is {locale}"
    if device is not None and artwork.devices and device not in artwork.devices:
        yield f"it is for {', '.join(artwork.devices)}, and the request's device is {device}"
    if artwork.spoiler and entry.title.title not in request.viewer.finished:
        yield "it tells the end, and the viewer has not finished the title"


def _of_rating(artwork: Artwork, entry: TitleEntry, house: House) -> Iterator[str]:
    if not may_stand_for(artwork.maturity, entry.title.maturity):
        yield f"it is rated {artwork.maturity}, the title {entry.title.maturity}"
    elif not may_stand_for(artwork.maturity, entry.title.maturity, limit=house.maturity_limit):
        yield f"it is rated {artwork.maturity}, and this installation shows pictures up to {house.maturity_limit}"


def _of_schedule(artwork: Artwork, entry: TitleEntry, request: PageRequest) -> Iterator[str]:
    if not entry.guards.due(artwork.artwork, request.context.at):
        spans = [each.span for each in entry.guards.schedules if each.artwork == artwork.artwork]
        yield f"it is scheduled{', or'.join(span_in_words(span) for span in spans)} only"
