"""The ladder: what fails goes down a step, what keeps failing rests, and nothing that decides can be left without."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from api.dependencies.ladder import FAILURES_IN_A_ROW, REST_SECONDS, Ladder
from api.dependencies.live_policy import Deciding
from api.dependencies.shedding import keep_probability
from api.homepage.assemble import Step
from bandit.decision import PolicyVersionId, Rung
from bandit.policies.most_played import MostPlayedPolicy
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UniformPolicy
from foundation.events import ViewerId
from tests.api.installation import Installation

VIEWER = ViewerId("0" * 32)
BROKEN = RuntimeError("broken")


class Failing(Policy):
    """Fails as long as it is told to."""

    version = PolicyVersionId("failing")
    digest = "0" * 64
    failing = True

    def probabilities(self, context: Any, artworks: Any) -> Probabilities:
        if self.failing:
            raise BROKEN
        return np.full(len(artworks), 1.0 / len(artworks))


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_failed_three_times_in_a_row_rests_for_a_second() -> None:
    clock, policy = Clock(), Failing()
    ladder, steps = Ladder(clock=clock), (Step(Rung.LIVE, policy), Step(Rung.LAST_GOOD, UniformPolicy()))
    for _ in range(FAILURES_IN_A_ROW):
        assert ladder.climb(steps) == steps
        ladder.failed(policy, BROKEN)
    assert ladder.climb(steps) == steps[1:]
    clock.now += REST_SECONDS
    assert ladder.climb(steps) == steps
    ladder.failed(policy, BROKEN)
    assert ladder.climb(steps) == steps[1:]


def test_a_page_that_is_decided_forgets_the_failures_before() -> None:
    policy = Failing()
    ladder, steps = Ladder(clock=Clock()), (Step(Rung.LIVE, policy),)
    for _ in range(3 * FAILURES_IN_A_ROW):
        ladder.failed(policy, BROKEN)
        ladder.decided(policy.version)
    assert ladder.climb(steps) == steps


def test_the_steps_lead_from_the_deployed_version_to_the_last_good_one_and_to_what_is_played_most() -> None:
    live, before, most_played = Failing(), UniformPolicy(), MostPlayedPolicy({})
    deciding = Deciding(live=live, last_good=before, most_played=most_played)
    assert deciding.ruling_for(VIEWER).steps == (
        Step(Rung.LIVE, live),
        Step(Rung.LAST_GOOD, before),
        Step(Rung.MOST_PLAYED, most_played),
    )
    stale = replace(deciding, live=before, last_good=before, stale=True)
    assert [step.rung for step in stale.ruling_for(VIEWER).steps] == [Rung.LAST_GOOD, Rung.MOST_PLAYED]


@pytest.mark.parametrize(("load", "kept"), [(0.0, 1.0), (0.24, 1.0), (0.625, 0.5), (0.99, 0.1), (1.0, 0.1)])
def test_the_fuller_the_log_the_fewer_pages_are_kept_but_never_none(load: float, kept: float) -> None:
    assert keep_probability(load) == pytest.approx(kept)


@pytest.mark.parametrize(("late", "kept"), [(0.49, 1.0), (0.75, 0.5), (0.99, 0.1), (3.0, 0.1)])
def test_the_longer_a_page_waited_the_likelier_it_is_shed_and_the_worse_strain_decides(
    late: float, kept: float
) -> None:
    assert keep_probability(0.0, late) == pytest.approx(kept)
    assert keep_probability(0.625, late) == pytest.approx(min(kept, 0.5))


def decide_with(installation: Installation, **deciding: Any) -> dict[str, Any]:
    installation.services.live.deciding = Deciding(**deciding)
    return installation.select()


def rungs(installation: Installation) -> set[str]:
    """The rungs that pages were counted under."""
    lines = installation.http.get("/metrics").text.splitlines()
    counted = [line for line in lines if line.startswith("keyart_pages_total") and not line.endswith(" 0.0")]
    return {line.split('rung="')[1].split('"')[0] for line in counted}


def test_c8_every_step_decides_when_those_before_it_fail_and_is_counted(harbor: Installation) -> None:
    failing, most_played = Failing(), MostPlayedPolicy({})
    assert decide_with(harbor, live=failing, last_good=UniformPolicy())["policy"] == "uniform"
    page = decide_with(harbor, live=failing, most_played=most_played)
    assert (page["policy"], page["logged"]) == (most_played.version, True)
    assert page["slots"][0]["reason"] == "policy"
    page = decide_with(harbor, live=failing)
    assert (page["policy"], page["logged"], page["slots"][0]["reason"]) == ("default", True, "fallback")
    decision = harbor.http.get(f"/v1/decisions/{page['slots'][0]['decision']}").json()
    assert decision["probability"] == 1.0
    assert rungs(harbor) == {"last_good", "most_played", "default"}


def test_c8_a_version_that_recovers_decides_again(harbor: Installation) -> None:
    failing = Failing()
    assert decide_with(harbor, live=failing)["policy"] == "default"
    failing.failing = False
    assert harbor.select()["policy"] == "failing"
