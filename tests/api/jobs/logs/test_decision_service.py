"""Logs of Vowpal Wabbit's decision service: one decision a line, pages of slots, and lines that do not count."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.jobs.logs.bad_log import BadLog
from bandit.ope.logged import Logged
from tests.api.jobs.logs.written import numbers, read

LINE: dict[str, Any] = {
    "_label_cost": -1.0,
    "_label_probability": 0.05,
    "_label_Action": 4,
    "_labelIndex": 3,
    "o": [{"v": 1.0, "EventId": "e1", "ActionTaken": False}],
    "Timestamp": "2021-02-04T16:31:29.2460001Z",
    "Version": "1",
    "EventId": "e1",
    "a": [4, 2, 1, 3],
    "c": {
        "FromUrl": [{"timeofday": "Afternoon", "weather": "Sunny", "name": "v1"}],
        "_multi": [{"_tag": name, "i": {"constant": 1}} for name in ("Cappuccino", "Cold brew", "Mocha", "Latte")],
    },
    "p": [0.05, 0.05, 0.05, 0.85],
    "VWState": {"m": "model/1"},
}
PAGE: dict[str, Any] = {
    "Timestamp": "2019-09-10T14:43:37.2010000Z",
    "Version": "1",
    "c": {"_multi": [{"A": {"t": str(number)}} for number in range(5)], "_slots": [{"_id": "s1"}, {"_id": "s2"}]},
    "_outcomes": [
        {"_label_cost": 0.0, "_id": "s1", "_a": [1, 4, 0, 2, 3], "_p": [0.84, 0.04, 0.04, 0.04, 0.04]},
        {"_label_cost": -0.5, "_id": "s2", "_a": [4, 0, 3, 2], "_p": [0.85, 0.05, 0.05, 0.05]},
    ],
}


def log_of(folder: Path, *lines: dict[str, Any], name: str = "log.dsjson") -> Path:
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / name


def eligible(found: Logged) -> list[str]:
    assert found.slates is not None
    return [found.slates.names[code] for code in found.slates.artworks.tolist()]


@pytest.mark.parametrize("name", ["log.dsjson", "log.json", "log.jsonl"])
def test_a_line_is_a_decision(tmp_path: Path, name: str) -> None:
    again = {**LINE, "EventId": "e2", "_label_cost": 0.0, "pdrop": 0.5}
    log = log_of(tmp_path, LINE, again, name=name)
    [found] = read(log, names={"viewer": "c.FromUrl.0.name"}, segments=["c.FromUrl.0.weather"])
    assert (found.reward.tolist(), found.propensity.tolist()) == ([1.0, 0.0], [0.05, 0.05])
    assert eligible(found) == ["Latte", "Cold brew", "Cappuccino", "Mocha"] * 2
    assert found.slates is not None
    assert found.slates.logged is not None
    assert found.slates.logged.tolist() == LINE["p"] * 2
    assert found.kept is not None
    assert found.kept.tolist() == [1.0, 0.5]
    assert found.at is not None
    assert found.at.tolist() == [1_612_456_289_246_000] * 2
    assert found.viewers is not None
    assert len(set(found.viewers.tolist())) == 1
    assert list(found.labels["c.FromUrl.0.weather"].names) == ["Sunny"]
    assert (found.pages, found.positions) == (None, None)


def test_actions_without_tags_are_called_by_their_numbers(tmp_path: Path) -> None:
    bare = {**LINE, "c": {"_multi": [{}, {}, {}, {}]}}
    [found] = read(log_of(tmp_path, bare))
    assert eligible(found) == ["4", "2", "1", "3"]


def test_a_line_with_slots_is_a_page(tmp_path: Path) -> None:
    [found] = read(log_of(tmp_path, PAGE))
    assert (found.reward.tolist(), found.propensity.tolist()) == ([0.0, 0.5], [0.84, 0.85])
    assert eligible(found) == ["2", "5", "1", "3", "4", "5", "1", "4", "3"]
    assert found.positions is not None
    assert found.positions.tolist() == [0, 1]
    assert found.decisions is not None
    assert len(set(found.decisions.tolist())) == 2
    assert found.pages is not None
    assert len(set(found.pages.tolist())) == 1
    slots = [{name: value for name, value in slot.items() if name != "_id"} for slot in PAGE["_outcomes"]]
    [unnamed] = read(log_of(tmp_path, {**PAGE, "EventId": "e9", "_outcomes": slots}))
    assert unnamed.decisions is not None
    assert len(set(unnamed.decisions.tolist())) == 2


def test_what_nobody_saw_and_what_met_no_decision_does_not_count(tmp_path: Path) -> None:
    unseen = {**LINE, "_skipLearn": True}
    dangling = {"RewardValue": 1.0, "EventId": "lost", "EnqueuedTimeUtc": "2021-02-04T16:31:29Z"}
    found = read(log_of(tmp_path, LINE, unseen, dangling, LINE))
    assert numbers(found, "reward") == [1.0, 1.0]


def test_a_decision_that_was_not_joined_has_no_reward(tmp_path: Path) -> None:
    alone = {name: value for name, value in LINE.items() if not name.startswith("_label")}
    [found] = read(log_of(tmp_path, alone))
    assert found.reward.tolist() != found.reward.tolist()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a":[1],"p":[1.0],"c":{"_multi":', "unreadable_file"),
        ('{"a":["one"],"p":[1.0],"c":{}}', "unreadable_file"),
        (json.dumps({**LINE, "p": [0.5, 0.5]}), "lists_of_other_lengths"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    log = log_of(tmp_path, *[LINE] * 150)
    with log.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BadLog) as refused:
        read(log)
    assert (refused.value.reason, refused.value.rows) == (reason, (150,))
