"""A page is decided stage by stage, can be recomputed from its record, and renders whatever the policy does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from api.homepage.artwork import TitlesWithoutArtwork, UnknownTitles, eligible
from api.homepage.assemble import PageStamp
from api.homepage.catalogue import Catalogue, title_entry
from api.homepage.experiment import DrawKey
from api.homepage.request import AskedTitle, House, KnownViewer, PageRequest
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.context import Candidate, Context, RequestContext
from bandit.decision import PageId, PolicyVersionId, Reason
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UniformPolicy
from bandit.sampling import draw, draw_uniform
from foundation.events import ViewerId
from tests.api.homepage.single import assemble_page, fallback_page

AT = datetime(2026, 1, 2, 20, tzinfo=UTC)
STAMP = PageStamp(page=PageId("0" * 32), at=AT, key=DrawKey(salt="salt", window=7))


def artwork(name: str, **changes: object) -> Artwork:
    plain = Artwork(
        title=TitleId("harbor"), artwork=ArtworkId(name), image=ImageHash(name * 32), state=ArtworkState.ACTIVE
    )
    return replace(plain, **changes)


def candidate(name: str, *, default: bool = False) -> Candidate:
    return Candidate(
        artwork=ArtworkId(name), image=ImageHash(name * 32), vector=np.ones(4, np.float32) / 2, default=default
    )


def catalogue(artworks: Sequence[Artwork], candidates: Sequence[Candidate]) -> Catalogue:
    entry = title_entry(Title(title=TitleId("harbor"), name="Harbor"), artworks, candidates)
    return Catalogue(embedding_version="lite-1").updated(3, [entry])


TWO = catalogue([artwork("bb"), artwork("aa")], [candidate("bb", default=True), candidate("aa")])


def asking(*titles: str, viewer: KnownViewer | None = None, locale: str | None = None) -> PageRequest:
    return PageRequest(
        viewer=viewer or KnownViewer(viewer=ViewerId("v1")),
        context=RequestContext(at=AT, device="tv", locale=locale),
        titles=tuple(AskedTitle(title=TitleId(name), position=index) for index, name in enumerate(titles)),
    )


class FixedPolicy(Policy):
    """States what it is told, and keeps the contexts it was asked with."""

    version = PolicyVersionId("fixed")
    digest = "d" * 64
    foundation_version = "viewers-1"
    intent_version = "intents-1"

    def __init__(self, stated: Sequence[float], *, embedding_version: str | None = None) -> None:
        self.stated = np.array(stated)
        self.embedding_version = embedding_version
        self.contexts: list[Context] = []

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        self.contexts.append(context)
        return self.stated


def test_c6_every_draw_can_be_recomputed_from_the_page() -> None:
    viewer = KnownViewer(viewer=ViewerId("v1"), vector=np.arange(4, dtype=np.float32), foundation_version="viewers-1")
    policy = FixedPolicy([0.3, 0.7])
    page = assemble_page(asking("harbor", "harbor", viewer=viewer), TWO, policy=policy, stamp=STAMP)
    for slot in page.slots:
        u = draw_uniform(page.salt, page.viewer, slot.title, page.window)
        assert slot.chosen == draw(slot.probabilities, u)
        assert slot.artworks == ("aa", "bb")
        assert slot.probabilities == (0.3, 0.7)
    assert (page.policy, page.policy_digest, page.embedding_version) == ("fixed", "d" * 64, "lite-1")
    vector = page.vector()
    assert vector is not None
    np.testing.assert_array_equal(vector, np.arange(4, dtype=np.float32))
    assert page.foundation_version == "viewers-1"
    assert [context.position for context in policy.contexts] == [0, 1]
    assert all(context.viewer_vector is not None for context in policy.contexts)


def test_c12_a_vector_of_another_version_never_reaches_the_policy() -> None:
    viewer = KnownViewer(viewer=ViewerId("v1"), vector=np.ones(4, dtype=np.float32), foundation_version="viewers-0")
    policy = FixedPolicy([0.3, 0.7])
    page = assemble_page(asking("harbor", viewer=viewer), TWO, policy=policy, stamp=STAMP)
    assert policy.contexts[0].viewer_vector is None
    assert page.foundation_version == "viewers-0"
    other = FixedPolicy([0.3, 0.7], embedding_version="lite-0")
    assert assemble_page(asking("harbor"), TWO, policy=other, stamp=STAMP).policy == "default"
    assert not other.contexts


@pytest.mark.parametrize(("version", "understood"), [("intents-1", True), ("intents-0", False)])
def test_c12_an_intent_is_logged_in_its_version_and_reaches_only_a_policy_of_it(version: str, understood: bool) -> None:
    viewer = KnownViewer(viewer=ViewerId("v1"), intent=np.arange(3, dtype=np.float32), intent_version=version)
    policy = FixedPolicy([0.3, 0.7])
    page = assemble_page(asking("harbor", viewer=viewer), TWO, policy=policy, stamp=STAMP)
    assert (policy.contexts[0].intent_vector is not None) is understood
    assert policy.contexts[0].viewer_vector is None
    intent = page.intent()
    assert intent is not None
    assert (page.intent_version, intent.tolist(), page.viewer_vector) == (version, [0.0, 1.0, 2.0], None)


def test_a_viewer_keeps_an_artwork_for_a_window() -> None:
    pages = [assemble_page(asking("harbor"), TWO, policy=UniformPolicy(), stamp=STAMP) for _ in range(3)]
    assert len({page.slots[0].artwork for page in pages}) == 1


def test_c8_a_failing_policy_costs_the_artworks_not_the_page() -> None:
    page = assemble_page(asking("harbor"), TWO, policy=FixedPolicy([0.9, 0.9]), stamp=STAMP)
    assert page.policy == "default"
    assert page.slots[0].artwork == "bb"
    assert page.slots[0].reason is Reason.FALLBACK
    assert page.slots[0].probabilities == (1.0,)
    assert page == fallback_page(asking("harbor"), TWO, stamp=STAMP)


def test_all_unknown_and_bare_titles_are_named() -> None:
    with pytest.raises(UnknownTitles) as unknown:
        assemble_page(asking("harbor", "x", "y"), TWO, policy=UniformPolicy(), stamp=STAMP)
    assert unknown.value.titles == ("x", "y")
    bare = catalogue([artwork("aa", state=ArtworkState.PROCESSING)], [candidate("aa")])
    with pytest.raises(TitlesWithoutArtwork) as without:
        fallback_page(asking("harbor"), bare, stamp=STAMP)
    assert without.value.titles == ("harbor",)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (None, ["aa", "bb", "cc"]),
        ("fr-FR", ["aa", "bb"]),
        ("fr_FR", ["aa", "bb"]),
        ("FR-fr", ["aa", "bb"]),
        ("fr", ["bb"]),
        ("de-AT", ["bb", "cc"]),
        ("de_DE_1996", ["bb", "cc"]),
        ("den", ["bb"]),
        ("it", ["bb"]),
    ],
)
def test_locale_decides_what_is_eligible_and_the_default_always_is(locale: str | None, expected: list[str]) -> None:
    many = catalogue(
        [artwork("aa", locales=("fr-FR",)), artwork("bb", locales=("en",)), artwork("cc", locales=("de",))],
        [candidate("aa"), candidate("bb", default=True), candidate("cc")],
    )

    assert [
        each.artwork
        for each in eligible(many.titles[TitleId("harbor")], asking("harbor", locale=locale), house=House())
    ] == expected


def test_without_a_marked_default_the_first_artwork_is_shown() -> None:
    unmarked = catalogue([artwork("bb"), artwork("aa")], [candidate("bb"), candidate("aa")])
    assert fallback_page(asking("harbor"), unmarked, stamp=STAMP).slots[0].artwork == "aa"
