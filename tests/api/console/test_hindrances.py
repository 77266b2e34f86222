"""What is said to keep an artwork out is what keeps it out: held against the stage that serves."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from api.console.hindrances import hindrances
from api.homepage.artwork import offer_of
from api.homepage.catalogue import TitleEntry, title_entry
from api.homepage.request import AskedTitle, House, KnownViewer, PageRequest
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.context import Candidate, RequestContext
from bandit.guards import Pin, Schedule, Span, title_guards
from foundation.events import ViewerId

NOW = datetime(2026, 1, 2, 20, tzinfo=UTC)
TITLE = TitleId("harbor")
RATINGS = st.sampled_from([None, "all", "12", "18", "unheard-of"])
SPANS = st.sampled_from([Span(since=NOW - timedelta(days=1)), Span(since=NOW + timedelta(days=1)), Span(until=NOW)])


@st.composite
def artworks(draw: st.DrawFn) -> list[Artwork]:
    return [
        Artwork(
            title=TITLE,
            artwork=ArtworkId(name),
            default=name == "a",
            locales=draw(st.sampled_from([(), ("fr",), ("en-GB",)])),
            devices=draw(st.sampled_from([(), ("tv",), ("phone",)])),
            maturity=draw(RATINGS),
            spoiler=draw(st.booleans()),
            image=ImageHash(name * 64),
            state=draw(st.sampled_from([ArtworkState.ACTIVE, ArtworkState.ACTIVE, ArtworkState.PAUSED])),
        )
        for name in "abcd"
    ]


@st.composite
def entries(draw: st.DrawFn) -> TitleEntry:
    listed = draw(artworks())
    embedded = [each for each in listed if draw(st.booleans())]
    guards = [Schedule(artwork=ArtworkId(name), span=draw(SPANS)) for name in draw(st.sets(st.sampled_from("bcd")))]
    pins = [
        Pin(artwork=ArtworkId(name), span=draw(SPANS)) for name in draw(st.sets(st.sampled_from("abcd"), max_size=1))
    ]
    candidates = [
        Candidate(
            artwork=each.artwork,
            image=ImageHash(each.artwork * 64),
            vector=np.ones(2, dtype=np.float32),
            default=each.default,
        )
        for each in embedded
    ]
    title = Title(title=TITLE, name="Harbor", maturity=draw(RATINGS))
    return title_entry(title, listed, candidates, guards=title_guards([*guards, *pins]))


@st.composite
def requests(draw: st.DrawFn) -> PageRequest:
    context = RequestContext(
        at=NOW,
        device=draw(st.sampled_from([None, "tv", "phone"])),
        locale=draw(st.sampled_from([None, "fr-CA", "en-GB"])),
    )
    finished = frozenset({TITLE}) if draw(st.booleans()) else frozenset[TitleId]()
    viewer = KnownViewer(viewer=ViewerId("0" * 32), finished=finished)
    return PageRequest(viewer=viewer, context=context, titles=(AskedTitle(title=TITLE, position=0),))


@settings(max_examples=80, deadline=None)
@given(entry=entries(), request=requests(), limit=st.sampled_from([None, "12"]))
def test_exactly_what_is_not_offered_has_a_hindrance(
    entry: TitleEntry, request: PageRequest, limit: str | None
) -> None:
    house = House(maturity_limit=limit)
    offered = {each.artwork for each in offer_of(entry, request, house=house).artworks} if entry.candidates else set()
    said = {each.artwork for each in entry.artworks if not hindrances(each, entry, request, house=house)}
    assert said == offered
