"""The desk: pages that come together are decided together, each as it would be alone; time budgets hold."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.dependencies.desk import PAGES_A_GROUP
from api.dependencies.ladder import FAILURES_IN_A_ROW
from api.dependencies.live_policy import Canary, Deciding
from api.dependencies.pages import Decided, Result, SelectCall, decide_calls, is_held_back
from api.errors import RepeatedKey, UnknownTitle
from api.homepage.request import AskedTitle
from api.storage.database import reading
from api.storage.pages import count_decisions, decode_page, read_pages
from artwork.catalog import TitleId
from bandit.context import RequestContext
from bandit.decision import Page, PolicyVersionId, Rung
from bandit.policies.policy import Probabilities
from bandit.policies.uniform import UniformPolicy
from tests.api.installation import AT, Installation, running, settings_in
from tests.api.learned import Learned
from tests.stories.served import wait_until


def a_call(viewer: str, *titles: str, **more: Any) -> SelectCall:
    asked = tuple(AskedTitle(title=TitleId(title), position=place) for place, title in enumerate(titles or ("harbor",)))
    named = {"context": RequestContext(at=AT, device="tv"), "budget": 10.0, **more}
    return SelectCall(viewer=viewer, titles=asked, **named)


class Slow(UniformPolicy):
    """Takes its time over every slot, until it is let go."""

    def __init__(self) -> None:
        self.going_on = threading.Event()

    def probabilities(self, context: Any, artworks: Any) -> Probabilities:
        self.going_on.wait(10)
        return super().probabilities(context, artworks)


class Dawdling(UniformPolicy):
    """Another policy, a fifth of a second late."""

    version = PolicyVersionId("dawdling")

    def state(self, slots: Any) -> Any:
        time.sleep(0.2)
        return super().state(slots)


def page_of(result: Result) -> Page:
    """The page that is on its way into the log."""
    assert isinstance(result, Decided)
    assert result.entry is not None
    return decode_page(result.entry.row["body"])


def logged_pages(installation: Installation) -> list[Page]:
    return list(read_pages(installation.engine))


def test_pages_decided_together_are_those_decided_alone(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "test", "force": True})
    calls = [a_call(f"{'odd' if number % 2 else 'even'}-{number}", "harbor", "tundra") for number in range(20)]
    alone = [decide_calls(ready.services.pages.serving, [call])[0] for call in calls]
    together = decide_calls(ready.services.pages.serving, calls)
    for one, other in zip(alone, together, strict=True):
        first, second = page_of(one), page_of(other)
        assert first.slots == second.slots
        assert first.policy == learned.manifest.version


def test_many_at_once_are_all_answered_and_logged_once(harbor: Installation) -> None:
    with ThreadPoolExecutor(40) as pool:
        pages = list(pool.map(lambda number: harbor.select(viewer=f"viewer-{number}"), range(200)))
    assert all(page["logged"] for page in pages)
    assert {page["page"] for page in pages} == {page.page for page in logged_pages(harbor)}
    assert len({page["page"] for page in pages}) == 200
    assert harbor.services.log.counts().commits < 200


def test_what_one_call_did_wrong_harms_no_other(harbor: Installation) -> None:
    good, bad = decide_calls(harbor.services.pages.serving, [a_call("v"), a_call("v", "nowhere")])
    assert page_of(good).slots[0].title == "harbor"
    assert isinstance(bad, UnknownTitle)


def test_c8_a_policy_that_takes_too_long_costs_the_page_its_budget_and_no_more(harbor: Installation) -> None:
    slow = Slow()
    harbor.services.live.deciding = Deciding(live=slow)
    began = time.monotonic()
    page = harbor.http.post(
        "/v1/select", json={"viewer": "v", "titles": [{"title": "harbor"}]}, headers={"Keyart-Time-Budget": "100"}
    ).json()
    assert time.monotonic() - began < 3
    assert (page["logged"], page["slots"][0]["artwork"], page["slots"][0]["reason"]) == (False, "a", "fallback")
    slow.going_on.set()
    wait_until(lambda: harbor.select()["logged"], within=30)
    assert page["page"] not in {each.page for each in logged_pages(harbor)}
    assert len(logged_pages(harbor)) == 1


def test_a_time_budget_that_is_none_is_refused(shared: Installation) -> None:
    body = {"viewer": "v", "titles": [{"title": "harbor"}]}
    for budget in ("0", "-5", "soon", "600001", "1_000", "+100", "100.0", ""):
        refused = shared.http.post("/v1/select", json=body, headers={"Keyart-Time-Budget": budget})
        assert refused.status_code == 422, refused.text


def test_a_time_budget_never_lengthens_that_of_the_settings(home: Path) -> None:
    with running(settings_in(home, select_budget_ms=50)) as installation:
        installation.put_title("harbor")
        slow = Slow()
        installation.services.live.deciding = Deciding(live=slow)
        began = time.monotonic()
        body = {"viewer": "v", "titles": [{"title": "harbor"}]}
        page = installation.http.post("/v1/select", json=body, headers={"Keyart-Time-Budget": "60000"}).json()
        assert (page["logged"], time.monotonic() - began < 3) == (False, True)
        slow.going_on.set()


def test_c2_an_unlogged_answer_is_given_again_too(harbor: Installation) -> None:
    harbor.impatient()
    with harbor.locked():
        first = harbor.ask(key="k1")
    assert first.json()["logged"] is False
    wait_until(lambda: harbor.select()["logged"], within=30)
    assert harbor.ask(key="k1").content == first.content
    assert harbor.ask("harbor", "harbor", key="k1").status_code == 422


def test_c2_requests_with_one_key_at_once_get_one_answer(harbor: Installation) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: harbor.ask(key="k1"), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(logged_pages(harbor)) == 1


def test_c2_a_call_with_the_key_of_one_that_is_being_answered_gets_that_answer(harbor: Installation) -> None:
    slow = Slow()
    harbor.services.live.deciding = Deciding(live=slow)
    body = {"viewer": "v", "titles": [{"title": "harbor"}]}
    short = {"Idempotency-Key": "k1", "Keyart-Time-Budget": "1000"}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(harbor.http.post, "/v1/select", json=body, headers=short)
        wait_until(lambda: harbor.services.pages.waiting() == 0 and not first.done(), within=30)
        second = pool.submit(harbor.http.post, "/v1/select", json=body, headers={"Idempotency-Key": "k1"})
        time.sleep(0.2)
        other = harbor.http.post("/v1/select", json={**body, "viewer": "w"}, headers={"Idempotency-Key": "k1"})
        assert other.status_code == 422
        answers = [each.result() for each in (first, second)]
        slow.going_on.set()
    assert answers[0].json()["logged"] is False
    assert answers[0].content == answers[1].content


def test_c2_a_key_with_another_request_is_refused_even_when_its_time_is_up(harbor: Installation) -> None:
    body, slow = {"viewer": "v", "titles": [{"title": "harbor"}]}, Slow()
    first = harbor.http.post("/v1/select", json=body, headers={"Idempotency-Key": "k1"})
    harbor.services.live.deciding = Deciding(live=slow)
    hurried = {"Idempotency-Key": "k1", "Keyart-Time-Budget": "50"}
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(harbor.select)
        wait_until(lambda: harbor.services.pages.waiting() == 0, within=30)
        again = harbor.http.post("/v1/select", json=body, headers=hurried)
        other = harbor.http.post("/v1/select", json={**body, "viewer": "w"}, headers=hurried)
        slow.going_on.set()
        held.result()
    assert again.content == first.content
    assert (other.status_code, other.json()["type"].rsplit("/")[-1]) == (422, "repeated_key")


def test_c8_a_caller_in_a_hurry_takes_the_live_version_from_nobody(harbor: Installation) -> None:
    serving = harbor.services.pages.serving
    for number in range(10):
        decide_calls(serving, [a_call(f"v{number}", budget=1e-6)])
    [patient] = decide_calls(serving, [a_call("v")])
    assert page_of(patient).rung is Rung.LIVE


def test_c8_a_canary_that_is_too_slow_rests_alone(harbor: Installation) -> None:
    slow = Dawdling()
    harbor.services.live.deciding = Deciding(canary=Canary(slow, 0.5, "a salt"))
    settings = harbor.settings.model_copy(update={"select_budget_ms": 200})
    serving = replace(harbor.services.pages.serving, settings=settings)
    calls = [a_call(f"v{number}", budget=0.2) for number in range(8)]
    for _ in range(FAILURES_IN_A_ROW):
        decide_calls(serving, calls)
    pages = [page_of(decided) for decided in decide_calls(serving, calls)]
    assert {(page.policy, page.rung) for page in pages} == {("uniform", Rung.LIVE), ("uniform", Rung.LAST_GOOD)}


def test_c2_a_logged_answer_is_given_again_while_the_database_is_away(harbor: Installation) -> None:
    first = harbor.ask(key="k1")
    harbor.services.reads._closed_until = float("inf")
    assert first.json()["logged"] is True
    assert harbor.ask(key="k1").content == first.content


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_hold_back_is_shown_defaults_that_are_logged_and_not_learned(home: Path, share: float) -> None:
    with running(settings_in(home, hold_back=share)) as installation:
        installation.put_title("harbor")
        page = installation.select()
        [logged] = logged_pages(installation)
    held_back = share == 1.0
    assert (logged.rung is Rung.HOLD_BACK) == held_back
    assert (page["policy"] == "default") == held_back
    assert (page["slots"][0]["reason"], page["logged"]) == ("default" if held_back else "policy", True)


def test_the_hold_back_is_the_share_of_viewers_that_was_set_and_always_the_same_ones(harbor: Installation) -> None:
    settings = harbor.settings.model_copy(update={"hold_back": 0.1})
    housed = replace(harbor.services.pages.serving, settings=settings)
    viewers = [harbor.keys.pseudonym(f"viewer-{number}") for number in range(4000)]
    held_back = [viewer for viewer in viewers if is_held_back(housed, viewer)]
    assert 330 < len(held_back) < 470
    wider = replace(housed, settings=settings.model_copy(update={"hold_back": 0.2}))
    assert all(is_held_back(wider, viewer) for viewer in held_back)


def test_a_log_that_fills_up_keeps_a_known_share_and_says_which(harbor: Installation) -> None:
    serving = harbor.services.pages.serving

    class Filling:
        """A log that is as full as it says."""

        def load(self) -> float:
            return 0.7

    filling = replace(serving, log=Filling())  # type: ignore[arg-type]
    results = decide_calls(filling, [a_call(f"v{number}") for number in range(600)])
    kept = [each for each in results if each.entry is not None]  # type: ignore[union-attr]
    assert {round(page_of(each).kept, 9) for each in kept} == {0.4}
    assert 180 < len(kept) < 300
    shed = msgspec.json.decode(next(each for each in results if each.entry is None).answer)  # type: ignore[union-attr]
    assert (shed["logged"], shed["slots"][0]["reason"]) == (False, "fallback")


def test_pages_that_wait_too_long_to_be_decided_are_shed_by_a_share_that_the_others_carry(harbor: Installation) -> None:
    """Left to the end of their time they would be missing from the log with a chance that nobody knows."""
    serving = harbor.services.pages.serving
    late = [0.1 if number % 2 else 0.8 for number in range(600)]
    results = decide_calls(serving, [a_call(f"v{number}") for number in range(600)], late=late)
    kept = [[page_of(each).kept for each in results[start::2] if each.entry] for start in (0, 1)]  # type: ignore[union-attr]
    assert {round(each, 9) for each in kept[0]} == {0.4}
    assert 80 < len(kept[0]) < 160
    assert kept[1] == [1.0] * 300


def test_a_desk_that_is_behind_tells_how_long_each_page_waited(harbor: Installation) -> None:
    slow = Slow()
    harbor.services.live.deciding = Deciding(live=slow)
    desk = harbor.services.pages
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(desk.answer, a_call("first", budget=60.0))
        wait_until(lambda: desk.waiting() == 0, within=30)
        behind = [pool.submit(desk.answer, a_call(f"v{number}", budget=1.0)) for number in range(49)]
        wait_until(lambda: desk.waiting() == 49, within=30)
        time.sleep(0.6)
        slow.going_on.set()
        page = msgspec.json.decode(first.result())["page"]
        logged = [each for each in behind if msgspec.json.decode(each.result())["logged"]]
    assert {each.kept for each in logged_pages(harbor) if each.page == page} == {1.0}
    assert all(each.kept < 1.0 for each in logged_pages(harbor) if each.page != page)
    assert len(logged_pages(harbor)) == len(logged) + 1


def test_a_batch_lets_single_pages_go_first(harbor: Installation) -> None:
    slow = Slow()
    harbor.services.live.deciding = Deciding(live=slow)
    requests = [{"viewer": f"b{number}", "titles": [{"title": "harbor"}]} for number in range(100)]
    with ThreadPoolExecutor(3) as pool:
        batch = pool.submit(harbor.http.post, "/v1/select:batch", json={"requests": requests})
        wait_until(lambda: harbor.services.pages.waiting() >= 100 - PAGES_A_GROUP, within=30)
        before = harbor.services.pages.waiting()
        single = pool.submit(harbor.select)
        wait_until(lambda: harbor.services.pages.waiting() > before, within=30)
        slow.going_on.set()
        alone = single.result()
        pages = batch.result().json()["pages"]
    assert sum(page["page"] < alone["page"] for page in pages) <= PAGES_A_GROUP


def test_c2_a_batch_that_repeats_a_key_with_another_request_writes_nothing(harbor: Installation) -> None:
    harbor.ask(key="k1")
    requests = [
        {"viewer": "v", "titles": [{"title": "harbor"}]},
        {"viewer": "w", "titles": [{"title": "harbor"}], "idempotency_key": "k1"},
    ]
    refused = harbor.http.post("/v1/select:batch", json={"requests": requests})
    assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "repeated_key")
    assert "requests.1" in refused.json()["detail"]
    with reading(harbor.engine) as connection:
        assert count_decisions(connection)[0] == 1


def test_a_call_in_this_process_raises_what_the_wire_refuses(harbor: Installation) -> None:
    desk = harbor.services.pages
    assert msgspec.json.decode(desk.answer(a_call("v", idempotency_key="k")))["logged"] is True
    with pytest.raises(RepeatedKey):
        desk.answer(a_call("w", idempotency_key="k"))
    with pytest.raises(UnknownTitle):
        desk.answer(a_call("v", "nowhere"))
    assert len(logged_pages(harbor)) == 1
