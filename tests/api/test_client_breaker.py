"""The breaker: pauses after failures in a row, longer each time, and one page that fails after a look pauses again."""

import random

from api.client_breaker import LONGEST_PAUSE_SECONDS, Breaker


class NoChance(random.Random):
    """Every pause is as long as it can be."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def failed(breaker: Breaker, times: int, *, now: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker.note(now, well=False)
    return breaker


def a_breaker() -> Breaker:
    return Breaker(failures=3, pause=1.0, chance=NoChance())


def test_failures_in_a_row_open_it_and_others_do_not() -> None:
    breaker = failed(a_breaker(), 2)
    breaker.note(0.0, well=True)
    assert failed(breaker, 2).asks
    assert not failed(breaker, 1).asks


def test_a_look_is_due_after_each_pause_and_pauses_grow_to_a_bound() -> None:
    breaker = failed(a_breaker(), 3)
    now, pauses = 0.0, list[float]()
    for _ in range(5):
        began = now
        while not breaker.looks(now):
            now += 0.25
        pauses.append(now - began)
    assert pauses == [1.0, 2.0, 4.0, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_after_a_look_that_went_well_one_failure_is_enough_and_a_page_that_goes_well_forgets_all() -> None:
    breaker = failed(a_breaker(), 3)
    breaker.came_back()
    assert breaker.asks
    assert not failed(breaker, 1).asks
    breaker.came_back()
    breaker.note(9.0, well=True)
    assert failed(breaker, 2, now=9.0).asks
    failed(breaker, 1, now=9.0)
    assert not breaker.looks(9.5)
    assert breaker.looks(10.0), "the first pause again"
