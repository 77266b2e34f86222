"""GET /v1/decisions/{decision}: the whole record, with everything that its draw depended on (C6)."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from api.storage.database import reading
from api.storage.pages import find_page, new_page_id
from bandit.decision import CellLabel, PageId, Rung
from bandit.sampling import draw, draw_uniform
from tests.api.installation import Installation, an_outcome, decisions_of
from tests.api.written import append


def test_c6_the_record_tells_what_the_draw_depended_on(harbor: Installation) -> None:
    with reading(harbor.engine) as connection:
        shown = find_page(connection, PageId(harbor.select("harbor", "harbor")["page"]))
    page = msgspec.structs.replace(
        shown,
        page=new_page_id(),
        at=datetime.now(UTC),
        rung=Rung.LAST_GOOD,
        kept=0.25,
        cell=CellLabel("warm/control"),
        diversity=0.5,
        viewer_vector=np.array([0.5, -1.0], "<f4").tobytes(),
        foundation_version="viewers-1",
        intent_vector=np.array([2.0], "<f4").tobytes(),
        intent_version="intents-1",
    )
    assert append(harbor.services.log, page, timeout=10)
    told = harbor.http.get(f"/v1/decisions/{harbor.keys.sign_decision(page.page, 1)}").json()
    assert (told["viewer_vector"], told["foundation_version"]) == ([0.5, -1.0], "viewers-1")
    assert (told["intent_vector"], told["intent_version"]) == ([2.0], "intents-1")
    assert (told["rung"], told["kept"], told["cell"], told["diversity"]) == ("last_good", 0.25, "warm/control", 0.5)
    stated = [each["probability"] for each in told["artworks"]]
    drawn = draw(stated, draw_uniform(told["salt"], told["viewer"], told["title"], told["window"]))
    assert told["artworks"][drawn]["artwork"] == told["artwork"]
    assert told["probability"] == pytest.approx(stated[drawn], abs=0)


def test_outcomes_and_rewards_are_those_of_the_slot_alone(harbor: Installation) -> None:
    first, second = decisions_of(harbor.select("harbor", "harbor"))
    harbor.report(an_outcome(first, "played"), an_outcome(second, "seen"))
    harbor.join()
    worth = {
        decision: {each["definition"]: each["value"] for each in told["rewards"]}
        for decision in (first, second)
        if (told := harbor.http.get(f"/v1/decisions/{decision}").json())
    }
    assert worth == {
        first: {"quality_play/1": 0.75, "take/1": 1.0, "watch_share/1": 0.5},
        second: {"quality_play/1": 0.0, "take/1": 0.0, "watch_share/1": 0.0},
    }
