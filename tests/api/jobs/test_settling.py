"""Which artworks are settled is told by the log alone; a version explores them no more than the floor."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import pytest

from api.jobs import learning
from api.jobs.judging import verdict_rules
from api.jobs.learning import learn_version
from api.jobs.settling import settled_images
from api.storage.rewards import valued_decisions
from bandit.decision import PageId
from bandit.harvest import is_held_out
from bandit.rewards import QUALITY_PLAY, ValuedDecision
from bandit.verdicts import VerdictRules
from tests.api.installation import Installation, an_outcome, decisions_of, settings_in
from tests.api.learned import TITLES, Learned, name_of

SOON = VerdictRules(budget=20)
NEVER = VerdictRules(budget=10**9, risk=1e-9)


def log_of(installation: Installation, until: PageId | None = None) -> list[ValuedDecision]:
    return list(valued_decisions(installation.engine, definition=QUALITY_PLAY, until=until))


def settled_in(decisions: Iterable[ValuedDecision], rules: VerdictRules = SOON) -> frozenset[str]:
    return settled_images(decisions, reward=QUALITY_PLAY, rules=rules)


def images_of(installation: Installation, title: str) -> dict[str, str]:
    candidates = installation.services.catalogue.current.titles[title].candidates  # type: ignore[index]
    return {str(name): candidate.image[:16] for name, candidate in candidates.items()}


def without(decisions: Iterable[ValuedDecision], image: str, *, after: datetime, by: timedelta) -> list[ValuedDecision]:
    """The log as if an artwork had been taken off at a time: later rows are moved by `by`, and know it no more."""
    kept: list[ValuedDecision] = []
    for each in decisions:
        slot = each.decision
        if each.page.at < after or image not in slot.images:
            kept.append(each)
        elif slot.images[slot.chosen] != image:
            places = [place for place, other in enumerate(slot.images) if other != image]
            left = msgspec.structs.replace(
                slot,
                artworks=tuple(slot.artworks[place] for place in places),
                images=tuple(slot.images[place] for place in places),
                probabilities=(1 / len(places),) * len(places),
                chosen=places.index(slot.chosen),
            )
            page = msgspec.structs.replace(each.page, at=each.page.at + by, slots=(left,))
            kept.append(ValuedDecision(page, 0, each.values))
    return kept


def test_a_verdict_or_a_spent_budget_settles(ready: Installation) -> None:
    log = log_of(ready)
    harbor, tundra = (images_of(ready, title) for title in TITLES)
    assert settled_in(log) == {*harbor.values(), *tundra.values()}
    assert settled_in(log, VerdictRules()) == {harbor["c"], tundra["c"]}, "nobody ever plays c"
    assert settled_in(log, NEVER) == frozenset()
    assert settled_in([]) == frozenset()


def test_an_artwork_without_company_is_not_settled(ready: Installation) -> None:
    """Its first rival may come tomorrow."""
    alone: list[ValuedDecision] = []
    for each in log_of(ready):
        slot = each.decision
        only = msgspec.structs.replace(
            slot,
            artworks=(slot.artworks[slot.chosen],),
            images=(images_of(ready, str(slot.title))["a"],),
            probabilities=(1.0,),
            chosen=0,
        )
        alone.append(ValuedDecision(msgspec.structs.replace(each.page, slots=(only,)), 0, each.values))
    assert settled_in(alone) == frozenset()


@pytest.mark.parametrize(("days", "judged"), [(0, True), (8, False)])
def test_an_artwork_that_was_taken_off_is_no_rival_after_a_week(ready: Installation, days: int, judged: bool) -> None:
    log = log_of(ready)
    gone = images_of(ready, "harbor")["a"]
    half = log[len(log) // 2].page.at
    later = without(log, gone, after=half, by=timedelta(days=days))
    assert (gone in settled_in(later)) is judged


def test_c9_what_was_logged_after_the_watermark_or_by_held_out_viewers_settles_nothing(
    ready: Installation, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(ready.home, exploration_budget=100)
    rules = verdict_rules(settings)

    def seen() -> list[ValuedDecision]:
        return [each for each in log_of(ready) if not is_held_out(each.page.viewer, learned.manifest.holdout)]

    mine = settled_in(seen(), rules)
    assert mine < settled_in(log_of(ready), rules)
    found = learn_version(ready.engine, ready.blobs, settings=settings).manifest
    assert found.settled == len(mine)
    for number in range(90):
        page = ready.select(*TITLES, viewer=name_of(number))
        ready.report(*(an_outcome(decision, "seen") for decision in decisions_of(page)))
    ready.join()
    assert settled_in(seen(), rules) != mine
    monkeypatch.setattr(learning, "_watermark", lambda *_, **__: found.watermark)
    again = learn_version(ready.engine, ready.blobs, settings=settings).manifest
    assert again.digest == found.digest


def test_settled_artworks_are_given_the_floor_where_they_are_not_best(ready: Installation) -> None:
    """And an artwork uploaded afterwards is given what one of a first day is."""
    settings = settings_in(ready.home, exploration_budget=20)
    version = learn_version(ready.engine, ready.blobs, settings=settings).manifest
    assert version.settled == 6
    ready.http.post(f"/v1/policies/{version.version}:promote", json={"reason": "go", "force": True})
    ready.services.refresh()
    page = ready.select("harbor", viewer="even-2")
    record = ready.http.get(f"/v1/decisions/{decisions_of(page)[0]}").json()
    stated = sorted(each["probability"] for each in record["artworks"])
    floor = version.settings.epsilon / 3
    assert stated[:2] == pytest.approx([floor, floor], abs=1e-12)
