"""A title's jump: found when liars come, and rare over a year of honest days of many titles."""

import numpy as np
import pytest

from bandit.jumps import Jump, TitleDay, find_jumps

TITLES, DAYS = 40, 21


def day_of(rng: np.random.Generator, rate: float, *, viewers: int = 300, lying: int = 0) -> TitleDay:
    """A day of viewers with one to five decisions each; liars play everything, in forty decisions each."""
    decisions = np.concatenate([rng.integers(1, 6, viewers), np.full(lying, 40)])
    played = np.concatenate([rng.binomial(decisions[:viewers], rate), np.full(lying, 40)])
    mean = played.sum() / decisions.sum()
    left = played - mean * decisions
    return TitleDay(
        decisions=float(decisions.sum()), mean=float(mean), variance=float((left**2).sum() / decisions.sum() ** 2)
    )


def histories(rng: np.random.Generator, days: int, *, unrest: float) -> dict[str, list[TitleDay]]:
    """Titles whose rates differ, and whose days scatter by `unrest` beyond chance."""
    rates = rng.uniform(0.03, 0.3, TITLES)
    return {
        f"title-{number}": [day_of(rng, float(rate * np.exp(unrest * rng.normal()))) for _ in range(days)]
        for number, rate in enumerate(rates)
    }


def alarming(found: list[Jump]) -> list[str]:
    return [each.title for each in found if each.alarming]


@pytest.mark.parametrize("unrest", [0.0, 0.15])
def test_a_hundred_honest_days_of_forty_titles_raise_hardly_an_alarm(unrest: float) -> None:
    rng = np.random.default_rng(5)
    whole = histories(rng, DAYS + 100, unrest=unrest)
    raised = 0
    for day in range(100):
        window = {title: days[day : day + DAYS] for title, days in whole.items()}
        raised += len(alarming(find_jumps(window, alarms_a_year=1.0)))
    assert raised <= 2, "a limit of 1.96 would raise some two hundred"


@pytest.mark.parametrize("unrest", [0.0, 0.15])
def test_a_title_that_liars_fall_upon_is_found_and_no_other(unrest: float) -> None:
    rng = np.random.default_rng(6)
    known = histories(rng, DAYS - 1, unrest=unrest)
    for title, days in known.items():
        days.append(day_of(rng, 0.1 if title == "title-7" else days[-1].mean, lying=30 if title == "title-7" else 0))
    found = find_jumps(known, alarms_a_year=1.0)
    assert alarming(found) == ["title-7"]
    assert found[0].mean > found[0].level


def test_a_fall_is_a_jump_too() -> None:
    rng = np.random.default_rng(7)
    days = [*(day_of(rng, 0.3, viewers=2000) for _ in range(14)), day_of(rng, 0.1, viewers=2000)]
    [jump] = find_jumps({"harbor": days}, alarms_a_year=1.0)
    assert jump.alarming
    assert jump.score < 0


def test_titles_that_say_too_little_are_left_out() -> None:
    rng = np.random.default_rng(8)
    quiet = TitleDay(decisions=3.0, mean=1.0, variance=0.0)
    days = [day_of(rng, 0.1) for _ in range(20)]
    assert find_jumps({"new": days[:4], "quiet": [*days, quiet], "none": []}, alarms_a_year=1.0) == []


def test_days_without_a_single_reward_are_not_infinitely_sure() -> None:
    rng = np.random.default_rng(9)
    nothing = [TitleDay(decisions=500.0, mean=0.0, variance=0.0) for _ in range(14)]
    one = TitleDay(decisions=500.0, mean=1 / 500, variance=1 / 500**2)
    [jump] = find_jumps({"harbor": [*nothing, one]}, alarms_a_year=1.0)
    assert not jump.alarming
    assert find_jumps({"harbor": [*nothing, day_of(rng, 0.3)]}, alarms_a_year=1.0)[0].alarming
