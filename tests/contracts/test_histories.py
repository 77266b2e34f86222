"""C1–C6 over histories that hypothesis makes: pages, keys, outcomes, joins, deployments, outages, restarts."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from api.jobs.conservation import recount
from api.jobs.joining import join_rewards
from api.storage.database import reading
from api.storage.pages import new_page_id, read_pages
from api.storage.rewards import rewards_of
from api.storage.tallies import read_conservation
from bandit.decision import Page, PageId, Slot
from bandit.rewards import RewardWindows
from tests.api.installation import Installation, running, settings_in
from tests.api.learned import TITLES, Learned, name_of
from tests.api.written import find_pages
from tests.contracts.history import WINDOW, Answered, Model, outcome
from tests.stories.served import wait_until

ADMIN_KEY = "an admin key of the tests of histories"
KEYS, EVENTS = st.sampled_from(["k1", "k2", "k3"]), st.sampled_from(["e1", "e2"])
VIEWERS = st.integers(0, 30).map(name_of)
ASKED = st.sampled_from([TITLES, TITLES[:1], TITLES[1:]])
KINDS = st.sampled_from(["seen", "hovered", "played"])
NUMBERS = st.integers(0, 10**6)
"""Choose among what was answered, which depends on time too: whatever hypothesis draws must not."""


class History(RuleBasedStateMachine):
    """Every rule checks its own answer; the end compares the whole database with the model."""

    learned: ClassVar[Learned]
    folder: ClassVar[Path]
    numbers: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.open = ExitStack()
        home = Path(shutil.copytree(self.learned.home, self.folder / f"history-{next(self.numbers)}"))
        self.begin(home)
        self.join(2 * WINDOW)
        with reading(self.installation.engine) as connection:
            self.counted = read_conservation(connection)

    def begin(self, home: Path) -> None:
        window = round(WINDOW.total_seconds())
        settings = settings_in(home, admin_key=ADMIN_KEY, reward_window_seconds=window, select_budget_ms=400)
        self.installation: Installation = self.open.enter_context(running(settings))
        self.installation.impatient()
        self.installation.http.headers.update({"Authorization": f"Bearer {ADMIN_KEY}"})

    @initialize()
    def promoted(self) -> None:
        self.promote()

    @rule(viewer=VIEWERS, titles=ASKED, key=st.none() | KEYS)
    def select(self, viewer: str, titles: tuple[str, ...], key: str | None) -> None:
        body = {"viewer": viewer, "context": {"device": "tv"}, "titles": [{"title": title} for title in titles]}
        self.ask(body, key)

    @rule(key=KEYS)
    def repeat(self, key: str) -> None:
        if key in self.model.keys:
            self.ask(self.model.keys[key].body, key)

    def ask(self, body: Any, key: str | None) -> Answered | None:
        """Ask for a page. The same key with another body is refused, and writes nothing."""
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self.installation.http.post("/v1/select", json=body, headers=headers)
        known = self.model.keys.get(key or "")
        if known is not None and known.body != body:
            assert answer.status_code == 422, answer.text
            return None
        assert answer.status_code == 200, answer.text
        found = answered(body, answer.content)
        assert [slot["title"] for slot in answer.json()["slots"]] == [each["title"] for each in body["titles"]]
        self.model.answered(found, key)
        return found

    @precondition(lambda self: self.model.pages)
    @rule(number=NUMBERS, event=EVENTS, kind=KINDS, late=st.booleans(), twice=st.booleans())
    def report(self, number: int, event: str, kind: str, late: bool, twice: bool) -> None:
        page = self.page(number)
        row = outcome(page.decisions[number % len(page.decisions)], event, kind=kind, late=late)
        self.tell([row, row] if twice else [row], genuine=page.logged)

    @rule(event=EVENTS)
    def report_before_its_decision(self, event: str) -> None:
        decision = self.installation.keys.sign_decision(new_page_id(), 0)
        self.tell([outcome(decision, event, kind="seen", late=False)], genuine=True, known=False)

    @precondition(lambda self: self.model.pages)
    @rule(number=NUMBERS)
    def forge(self, number: int) -> None:
        genuine = self.page(number).decisions[0]
        forged = genuine[:-1] + ("0" if genuine[-1] != "0" else "1")
        self.tell([outcome(forged, "forged", kind="played", late=False)], genuine=False)

    def page(self, number: int) -> Answered:
        pages = sorted(self.model.pages)
        return self.model.pages[pages[number % len(pages)]]

    def tell(self, rows: list[dict[str, Any]], *, genuine: bool, known: bool = True) -> None:
        said = self.installation.report(*rows)
        expected = [self.model.tell(row, genuine=genuine, known=known) for row in rows]
        assert said["accepted"] == expected.count("accepted")
        assert said["duplicates"] == expected.count("duplicate")
        assert len(said["rejected"]) == expected.count("rejected")

    @rule(after=st.sampled_from([timedelta(0), 2 * WINDOW]))
    def join(self, after: timedelta) -> None:
        while join_rewards(self.installation.engine, windows=RewardWindows(WINDOW), now=datetime.now(UTC) + after):
            pass
        with reading(self.installation.engine) as connection:
            counted = read_conservation(connection)
        assert counted.holds
        assert recount(self.installation.engine) == counted

    @rule()
    def refresh(self) -> None:
        self.installation.services.refresh()
        assert self.installation.services.live.current.version == self.model.live[-1]

    @rule()
    def promote(self) -> None:
        version = self.learned.manifest.version
        order = {"stage": "live", "reason": "a history", "force": True}
        answer = self.installation.http.post(f"/v1/policies/{version}:promote", json=order)
        assert answer.status_code == (409 if self.model.live[-1] == version else 200), answer.text
        if answer.status_code == 200:
            self.model.live.append(version)
        self.installation.services.refresh()

    @rule()
    def roll_back(self) -> None:
        answer = self.installation.http.post("/v1/policies:rollback", json={"reason": "a history"})
        assert answer.status_code == (200 if len(self.model.live) > 1 else 409), answer.text
        if answer.status_code == 200:
            self.model.live.pop()
        self.installation.services.refresh()

    @rule()
    def restart(self) -> None:
        self.open.close()
        self.model.restarted()
        self.begin(self.installation.home)

    @rule()
    def crash(self) -> None:
        """Go on from the files as they are at this moment, while the server has them open: all that a kill leaves."""
        left = self.folder / f"history-{next(self.numbers)}"
        with self.installation.locked():
            shutil.copytree(self.installation.home, left)
        self.open.close()
        shutil.rmtree(self.installation.home)
        self.model.restarted()
        self.begin(left)

    @rule(viewer=VIEWERS, key=st.none() | KEYS)
    def outage(self, viewer: str, key: str | None) -> None:
        """The log cannot be written for a while: pages render, and none of them says that it is logged."""
        known = self.model.keys.get(key or "")
        with self.installation.locked():
            body = {"viewer": viewer, "titles": [{"title": title} for title in TITLES]}
            found = self.ask(body, key)
            assert found is None or known is not None or not found.logged, "C1: logged without a log"
        wait_until(self.logs_again, within=30)

    def logs_again(self) -> bool:
        found = self.ask({"viewer": "probe", "titles": [{"title": TITLES[0]}]}, None)
        return found is not None and found.logged

    def teardown(self) -> None:
        """C1, C3, C4, C5 and C6 of the whole history, after one more restart."""
        try:
            self.restart()
            self.join(2 * WINDOW)
            self.check_durable()
            self.check_counts()
            trained = self.learned.manifest
            for page in read_pages(self.installation.engine, since=self.oldest()):
                check_draws(page, floor=trained.settings.epsilon if page.policy == trained.version else 0.0)
        finally:
            self.open.close()

    def oldest(self) -> PageId | None:
        mine = sorted(self.model.pages)
        return PageId(mine[0][:12] + "0" * 20) if mine else new_page_id()

    def check_durable(self) -> None:
        with reading(self.installation.engine) as connection:
            kept = find_pages(connection, map(PageId, self.model.pages))
            rewarded = {
                (page, reward.slot) for page in self.model.pages for reward in rewards_of(connection, PageId(page))
            }
        for page in self.model.pages.values():
            shown = tuple(slot.artwork for slot in kept[PageId(page.page)].slots) if page.page in kept else None
            assert shown == (tuple(page.artworks) if page.logged else None), "C1"
        slots = {d: (p.page, slot) for p in self.model.pages.values() for slot, d in enumerate(p.decisions)}
        assert rewarded == {slots[decision] for decision in self.model.seen()}, "C4"

    def check_counts(self) -> None:
        with reading(self.installation.engine) as connection:
            counted = read_conservation(connection)
        grown = {name: getattr(counted, name) - getattr(self.counted, name) for name in self.model.terms()}
        assert grown | {"open": counted.open} == self.model.terms(), "C3, C5"
        logged = sum(len(page.decisions) for page in self.model.logged())
        before = self.counted
        assert counted.issued - counted.unlogged - (before.issued - before.unlogged) == logged, "C5"


def answered(body: Any, content: bytes) -> Answered:
    page = msgspec.json.decode(content)
    slots = page["slots"]
    return Answered(
        page=page["page"],
        logged=page["logged"],
        policy=page["policy"],
        decisions=[slot["decision"] for slot in slots],
        artworks=[slot["artwork"] for slot in slots],
        body=body,
        content=content,
    )


def check_draws(page: Page, *, floor: float) -> None:
    """C6: what is logged is a distribution, none under the floor, and the draw can be made again, bit for bit."""
    for slot in page.slots:
        assert sum(slot.probabilities) == pytest.approx(1.0, abs=1e-6)
        assert min(slot.probabilities) >= floor / len(slot.probabilities) - 1e-9
        assert min(slot.probabilities) > 0
        drawn = int(np.searchsorted(np.cumsum(slot.probabilities), draw_number(page, slot), side="right"))
        assert min(drawn, len(slot.probabilities) - 1) == slot.chosen


def draw_number(page: Page, slot: Slot) -> float:
    """The draw's number in [0, 1) as documented: 53 bits of BLAKE2b over the parts, each behind its length."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in (page.salt, page.viewer, slot.title, str(page.window)):
        hashed.update(len(part.encode()).to_bytes(8, "little") + part.encode())
    return (int.from_bytes(hashed.digest(), "big") >> 11) / 2**53


def live_through(learned: Learned, folder: Path, *, examples: int, steps: int, derandomize: bool) -> None:
    class OfThisTest(History):
        """A class of its own, since hypothesis makes the machines."""

    OfThisTest.learned, OfThisTest.folder, OfThisTest.numbers = learned, folder, iter(range(1_000_000))
    run_state_machine_as_test(
        OfThisTest,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=derandomize,
            database=None,
            suppress_health_check=[*HealthCheck],
        ),
    )


def test_c1_c2_c3_c4_c5_c6_over_histories(learned: Learned, tmp_path: Path) -> None:
    live_through(learned, tmp_path, examples=3, steps=14, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_c1_c2_c3_c4_c5_c6_over_many_histories(learned: Learned, tmp_path: Path) -> None:
    live_through(learned, tmp_path, examples=120, steps=50, derandomize=False)
