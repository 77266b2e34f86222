"""What is told of artworks comes from the log: only what a policy drew, of artworks that are still shown."""

import pytest

from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.jobs.judging import Judged, artwork_reports
from api.storage.database import reading
from api.storage.evaluations import latest_evaluation
from artwork.catalog import ArtworkId, TitleId
from bandit.bait import BaitReport
from bandit.decision import PolicyVersionId
from bandit.verdicts import Verdict, exploring
from tests.api.installation import Installation, an_outcome, settings_in
from tests.api.learned import VIEWERS, Learned
from tests.api.older import forget_later_definitions

HARBOR = TitleId("harbor")


def judged(installation: Installation, title: TitleId | None = HARBOR, days: int | None = None) -> Judged:
    return artwork_reports(installation.engine, settings=installation.settings, title=title, days=days)


def live_through_bait(harbor: Installation, viewers: int = 160) -> None:
    """Artwork a starts nine plays of ten, which last a minute; the others start half as many, which are finished."""
    outcomes = []
    for number in range(viewers):
        (slot,) = harbor.select(viewer=f"viewer-{number}")["slots"]
        started = number % 10 < (9 if slot["artwork"] == "a" else 5)
        seconds = 60.0 if slot["artwork"] == "a" else 6000.0
        outcomes.append(an_outcome(slot["decision"], *(["watched"] if started else ["seen"]), seconds=seconds))
    harbor.report(*outcomes)
    harbor.join()


def test_each_artwork_is_judged_from_what_became_of_its_decisions(ready: Installation) -> None:
    found = judged(ready)
    assert (found.rows, found.skipped, found.reward) == (3 * VIEWERS, 0, "quality_play/1")
    told = {each.verdict.artwork: each.verdict for each in found.reports}
    assert sum(each.decisions for each in told.values()) == 3 * VIEWERS
    assert told["c"].verdict is Verdict.WORSE
    assert told["c"].value == 0.0
    assert {told[name].verdict for name in "ab"} == {Verdict.UNDECIDED}
    assert exploring(list(told.values())) == {told["a"].image: True, told["b"].image: True, told["c"].image: False}
    both = judged(ready, title=None)
    assert [(each.verdict.title, each.verdict.artwork) for each in both.reports] == [
        (title, artwork) for title in ("harbor", "tundra") for artwork in "abc"
    ]
    assert judged(ready, days=1) == found


def test_the_settings_say_when_exploring_ends(ready: Installation) -> None:
    settings = settings_in(ready.home, exploration_budget=50)
    found = artwork_reports(ready.engine, settings=settings, title=HARBOR)
    assert {each.verdict.reason for each in found.reports} == {
        "its budget of 50 decisions is spent",
        "decided: worse",
    }


def test_a_bait_is_told_with_its_artwork(harbor: Installation) -> None:
    live_through_bait(harbor)
    found = judged(harbor)
    assert [(each.title, each.artwork) for each in found.baits] == [("harbor", "a")]
    (bait,) = found.baits
    assert bait.starts is not None
    assert bait.completion is not None
    assert bait.starts > 1.4
    assert bait.completion < 0.1
    assert bait.low is not None
    assert 0 < bait.low <= (bait.index or 0)


def test_an_artwork_that_is_no_longer_shown_is_neither_judged_nor_a_rival(ready: Installation) -> None:
    for name in "bc":
        answer = ready.http.post(f"/v1/titles/harbor/artworks/{name}:retire", json={"reason": "old"})
        assert answer.status_code == 200
    (left,) = judged(ready).reports
    assert (left.verdict.artwork, left.verdict.reason, left.verdict.exploring) == ("a", "it has no rival", False)


def test_decisions_valued_before_a_definition_came_are_counted_as_left_out(ready: Installation) -> None:
    forget_later_definitions(ready.engine)
    found = judged(ready)
    assert (found.rows, found.skipped, found.reports) == (3 * VIEWERS, 3 * VIEWERS, ())


def test_what_a_policy_did_not_draw_says_nothing(ready: Installation) -> None:
    before = judged(ready).rows
    answer = ready.http.post("/v1/titles/harbor/guards", json={"kind": "pin", "artwork": "c", "reason": "premiere"})
    assert answer.status_code == 201
    ready.services.refresh()
    page = ready.select("harbor", viewer="somebody")
    ready.report(*(an_outcome(slot["decision"], "seen") for slot in page["slots"]))
    assert page["slots"][0]["reason"] == "pinned"
    assert judged(ready).rows == before


@pytest.mark.parametrize(("artwork", "kept"), [("a", ("harbor/a",)), ("c", ())])
def test_a_version_that_would_show_a_bait_more_is_written_down_with_it(
    ready: Installation, learned: Learned, artwork: str, kept: tuple[str, ...]
) -> None:
    bait = BaitReport(title=HARBOR, artwork=ArtworkId(artwork), image="0", decisions=100, alarm=True)
    version = PolicyVersionId(learned.manifest.version)
    assess_version(ready.engine, ready.blobs, order=OwnOrder(target=version), baits=[bait])
    with reading(ready.engine) as connection:
        stored = latest_evaluation(connection, version)
    assert stored is not None
    assert stored.result.baits == kept
