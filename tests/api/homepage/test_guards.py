"""What may be shown, what is pinned, and what changes a picture within a window."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from api.homepage.artwork import eligible, offer_of
from api.homepage.assemble import PageStamp
from api.homepage.catalogue import REMEMBERED_SLATES, Catalogue, title_entry
from api.homepage.experiment import DrawKey
from api.homepage.request import AskedTitle, House, KnownViewer, PageRequest
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.context import Candidate, Context, RequestContext
from bandit.decision import Page, PageId, PolicyVersionId, Reason
from bandit.guards import Guard, Pin, Schedule, Share, Span, title_guards
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UniformPolicy
from foundation.events import ViewerId
from tests.api.homepage.single import assemble_page, fallback_page

AT = datetime(2026, 1, 2, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
HARBOR = Title(title=TitleId("harbor"), name="Harbor", maturity="12")
A, B, C = (ArtworkId(name) for name in "abc")
VIEWERS = [f"v{number}" for number in range(400)]


def artwork(name: str, **changes: Any) -> Artwork:
    plain = Artwork(title=HARBOR.title, artwork=ArtworkId(name), image=image(name), state=ArtworkState.ACTIVE)
    return replace(plain, **changes)


def image(name: str) -> ImageHash:
    return ImageHash(name.encode().hex().ljust(64, "0"))


def candidate(name: str) -> Candidate:
    rng = np.random.default_rng(list(name.encode()))
    vector = rng.normal(size=8).astype(np.float32)
    return Candidate(artwork=ArtworkId(name), image=image(name), vector=vector, default=name == "a")


def catalogue(
    *artworks: Artwork, guards: Sequence[Guard] = (), title: Title = HARBOR, more: Sequence[str] = ()
) -> Catalogue:
    own = artworks or tuple(artwork(name) for name in "abc")
    shown = [candidate(each.artwork) for each in own]
    entries = [
        title_entry(each, own, shown, guards=title_guards(guards))
        for each in (title, *(replace(title, title=TitleId(name)) for name in more))
    ]
    return Catalogue(embedding_version="lite-1").updated(3, entries)


def asking(
    *titles: str, viewer: str = "v1", finished: Sequence[str] = (), at: datetime = AT, **context: str
) -> PageRequest:
    return PageRequest(
        viewer=KnownViewer(viewer=ViewerId(viewer), finished=frozenset(map(TitleId, finished))),
        context=RequestContext(at=at, **context),
        titles=tuple(AskedTitle(title=TitleId(name), position=n) for n, name in enumerate(titles or ("harbor",))),
    )


def assembled(request: PageRequest, known: Catalogue, **more: Any) -> Page:
    stamp = PageStamp(page=PageId("0" * 32), at=AT, key=DrawKey(salt="salt", window=more.pop("window", 7)))
    return assemble_page(request, known, policy=more.pop("policy", UniformPolicy()), stamp=stamp, **more)


def pictures(known: Catalogue, *titles: str, **more: Any) -> list[str]:
    """What 400 viewers see, in the last of the titles."""
    asked = {name: more.pop(name) for name in ("at", "device", "locale") if name in more}
    return [assembled(asking(*titles, viewer=each, **asked), known, **more).slots[-1].artwork for each in VIEWERS]


def names(known: Catalogue, request: PageRequest, house: House = House()) -> str:  # noqa: B008
    return "".join(each.artwork for each in eligible(known.titles[HARBOR.title], request, house=house))


class Leaning(Policy):
    """States what it is told, and keeps the contexts it was asked with."""

    version = PolicyVersionId("leaning")
    digest = "d" * 64
    floor = 0.03

    def __init__(self, *stated: float) -> None:
        self.stated = np.array(stated)
        self.asked: list[Context] = []

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        self.asked.append(context)
        return self.stated[: len(artworks)] / self.stated[: len(artworks)].sum()


@pytest.mark.parametrize(
    ("changes", "asked", "shown"),
    [
        ({"devices": ("tv",)}, {"device": "phone"}, "a"),
        ({"devices": ("tv",)}, {"device": "tv"}, "abc"),
        ({"devices": ("tv",)}, {}, "abc"),
        ({"locales": ("fr",)}, {"locale": "de"}, "a"),
        ({"maturity": "16"}, {}, "a"),
        ({"maturity": "12"}, {}, "abc"),
        ({"maturity": "unheard of"}, {}, "a"),
        ({"spoiler": True}, {}, "a"),
        ({"spoiler": True}, {"finished": ("tundra",)}, "a"),
        ({"spoiler": True}, {"finished": ("harbor",)}, "abc"),
    ],
)
def test_only_what_fits_the_request_is_eligible_and_the_default_always_is(
    changes: dict[str, Any], asked: dict[str, Any], shown: str
) -> None:
    known = catalogue(*(artwork(name, **changes) for name in "abc"))
    assert names(known, asking(**asked)) == shown


def test_the_house_may_set_a_lower_rating_than_the_title() -> None:
    known = catalogue(artwork("a"), artwork("b", maturity="6"), artwork("c", maturity="12"))
    assert names(known, asking()) == "abc"
    assert names(known, asking(), House(maturity_limit="7")) == "ab"


def test_what_is_remembered_of_a_title_is_what_each_request_would_be_offered_anew() -> None:
    """Of one entry, in whatever order locales, devices and limits come, and for many more than are remembered."""
    known = catalogue(artwork("a"), artwork("b", locales=("fr",), devices=("tv",)), artwork("c", maturity="12"))
    entry = known.titles[HARBOR.title]
    houses = [House(), House(maturity_limit="7")]
    requests = [asking(locale=f"{language}-X{n % 300}", device=device) for n in range(2) for language in ("fr", "de")
                for device in ("tv", "phone")]  # fmt: skip
    requests += [asking(), *(asking(locale=f"fr-R{n}", device="tv") for n in range(REMEMBERED_SLATES + 2))]
    for request in [*requests, *reversed(requests)]:
        for house in houses:
            assert list(offer_of(entry, request, house=house).artworks) == list(eligible(entry, request, house=house))
    assert len(entry.offers) <= REMEMBERED_SLATES


@pytest.mark.parametrize("told", [{"spoiler": True}, {}], ids=["spoiler", "schedule"])
def test_what_hangs_on_the_viewer_or_the_time_is_not_remembered(told: dict[str, Any]) -> None:
    guards = [] if told else [Schedule(artwork=B, span=Span(since=AT + HOUR))]
    entry = catalogue(artwork("a"), artwork("b", locales=("fr",), **told), guards=guards).titles[HARBOR.title]
    early = asking(locale="fr")
    late = asking(locale="fr", at=AT + 2 * HOUR, finished=["harbor"])
    shown = [
        "".join(entry_.artwork for entry_ in offer_of(entry, each, house=House()).artworks) for each in (early, late)
    ]
    assert shown == ["a", "ab"]


def test_titles_for_some_locales_are_drawn_as_when_slot_by_slot() -> None:
    known = catalogue(artwork("a"), artwork("b", locales=("fr",)), artwork("c"), more=["tundra"])
    request = asking("harbor", "tundra", locale="fr")
    policy = Leaning(0.2, 0.3, 0.5)
    together = assembled(request, known, policy=policy)
    one_by_one = assembled(request, known, policy=policy, house=House(diversity=1e-12))
    assert [slot.chosen for slot in together.slots] == [slot.chosen for slot in one_by_one.slots]
    assert [slot.artworks for slot in together.slots] == [("a", "b", "c")] * 2


def test_a_schedule_takes_an_artwork_out_and_never_the_default() -> None:
    later = [Schedule(artwork=each, span=Span(since=AT + HOUR)) for each in (A, B)]
    known = catalogue(guards=later)
    assert names(known, asking()) == "ac"
    assert names(known, asking(at=AT + HOUR)) == "abc"


@pytest.mark.parametrize("policy", [UniformPolicy(), DefaultArtworkPolicy()])
def test_a_pin_forces_the_slot_and_says_so(policy: Policy) -> None:
    known = catalogue(guards=[Pin(artwork=B)])
    slot = assembled(asking(), known, policy=policy).slots[0]
    assert (slot.artworks, slot.probabilities, slot.chosen, slot.reason) == ((B,), (1.0,), 0, Reason.PINNED)


def test_a_policy_is_not_asked_about_a_pinned_slot() -> None:
    policy = Leaning(0.2, 0.3, 0.5)
    known = catalogue(guards=[Pin(artwork=B, locale="fr")])
    assert assembled(asking(locale="fr-CA"), known, policy=policy).slots[0].artwork == B
    assert policy.asked == []
    assert assembled(asking(locale="de"), known, policy=policy).slots[0].reason is Reason.POLICY
    assert [context.title for context in policy.asked] == ["harbor"]


def test_c8_a_page_that_falls_back_shows_pins_and_defaults() -> None:
    stamp = PageStamp(page=PageId("0" * 32), at=AT, key=DrawKey(salt="salt", window=7))
    pinned = catalogue(guards=[Pin(artwork=B)])
    assert fallback_page(asking(), pinned, stamp=stamp).slots[0].reason is Reason.PINNED
    assert fallback_page(asking(), catalogue(), stamp=stamp).slots[0].artwork == A


def test_a_pin_of_what_is_not_eligible_has_no_force() -> None:
    known = catalogue(artwork("a"), artwork("b", spoiler=True), guards=[Pin(artwork=B)])
    assert assembled(asking(), known).slots[0].reason is Reason.POLICY
    assert assembled(asking(finished=("harbor",)), known).slots[0].artwork == B


def test_c6_a_share_is_kept_in_every_slot_and_is_on_the_record() -> None:
    known = catalogue(guards=[Share(artwork=C, minimum=0.4)])
    slot = assembled(asking(), known, policy=Leaning(0.9, 0.09, 0.01)).slots[0]
    assert slot.probabilities == pytest.approx((0.59, 0.01, 0.4))
    assert slot.bounds == ((0.0, 1.0), (0.0, 1.0), (0.4, 1.0))
    assert slot.reason is Reason.POLICY


def test_shares_do_not_touch_what_pages_fall_back_on() -> None:
    known = catalogue(guards=[Share(artwork=C, minimum=0.4)])
    slot = assembled(asking(), known, policy=DefaultArtworkPolicy()).slots[0]
    assert (slot.probability, slot.bounds, slot.reason) == (1.0, None, Reason.DEFAULT)


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_title_may_have_one_artwork_or_five_hundred(count: int) -> None:
    known = catalogue(*(artwork(name) for name in ["a", *(f"b{n}" for n in range(count - 1))]))
    slot = assembled(asking(), known, house=House(diversity=0.5)).slots[0]
    assert len(slot.artworks) == count
    assert sum(slot.probabilities) == pytest.approx(1.0, abs=1e-9)


def test_one_picture_may_be_two_artworks() -> None:
    own = [candidate("a"), replace(candidate("b"), image=image("a"))]
    entry = title_entry(HARBOR, [artwork("a"), artwork("b", image=image("a"))], own)
    slot = assembled(asking(), Catalogue().updated(1, [entry])).slots[0]
    assert (slot.artworks, slot.probabilities) == ((A, B), (0.5, 0.5))


def test_the_same_title_twice_on_a_page_shows_one_picture() -> None:
    page = assembled(asking("harbor", "harbor"), catalogue())
    assert page.slots[0].artwork == page.slots[1].artwork


# What changes a picture within a window, as docs/guards.md says.

STICKY = Leaning(0.5, 0.3, 0.2)


def test_nothing_changes_while_nothing_changes() -> None:
    before = pictures(catalogue(), policy=STICKY)
    assert pictures(catalogue(), policy=STICKY) == before
    assert pictures(catalogue(more=["tundra"]), "tundra", "harbor", policy=STICKY) == before
    assert pictures(catalogue(), policy=STICKY, device="phone") == before


def test_a_window_draws_anew() -> None:
    before, after = pictures(catalogue(), policy=STICKY), pictures(catalogue(), policy=STICKY, window=8)
    assert 0.4 < np.mean([a != b for a, b in zip(before, after, strict=True)]) < 0.8


def test_a_new_version_changes_those_whose_number_falls_into_another_part() -> None:
    before, after = pictures(catalogue(), policy=STICKY), pictures(catalogue(), policy=Leaning(0.5, 0.2, 0.3))
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert {*changed} == {("b", "c")}
    assert 0.06 < len(changed) / len(VIEWERS) < 0.14


def test_a_paused_artwork_changes_more_than_its_own_viewers() -> None:
    before = pictures(catalogue())
    after = pictures(catalogue(artwork("a"), artwork("b"), artwork("c", state=ArtworkState.PAUSED)))
    changed = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
    assert changed == {("c", "b"), ("b", "a")}


def test_a_pin_changes_all_and_lifted_brings_back_what_was() -> None:
    before = pictures(catalogue(), policy=STICKY)
    assert {*pictures(catalogue(guards=[Pin(artwork=C)]), policy=STICKY)} == {"c"}
    assert pictures(catalogue(guards=[Pin(artwork=C, span=Span(until=AT))]), policy=STICKY) == before


def test_a_share_changes_only_what_it_moves() -> None:
    before = pictures(catalogue(), policy=STICKY)
    after = pictures(catalogue(guards=[Share(artwork=C, minimum=0.3)]), policy=STICKY)
    moved = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
    assert moved == {("a", "b"), ("b", "c")}
    kept = pictures(catalogue(guards=[Share(artwork=C, minimum=0.1)]), policy=STICKY)
    assert kept == before


def test_diversity_changes_a_picture_with_what_is_shown_before_it() -> None:
    known, house = catalogue(more=["tundra", "meadow"]), House(diversity=1.0)
    alone = pictures(known, "harbor", policy=STICKY, house=house)
    assert alone == pictures(known, "harbor", policy=STICKY)
    assert pictures(known, "tundra", "meadow", "harbor", policy=STICKY, house=house) != alone
