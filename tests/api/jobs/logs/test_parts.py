"""A log cut into parts: the cut hangs on the log alone, parts travel, and every column arrives where it belongs."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.errors import BadInput
from api.jobs.logs import parquet
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.parts import parts
from api.jobs.logs.table import LogTable
from bandit.errors import RefusedFeature
from bandit.ope.logged import Logged
from tests.api.jobs import golden
from tests.api.jobs.logs.written import as_parquet, numbers, read, whole


def test_every_column_arrives(tmp_path: Path) -> None:
    more = {
        "decision": [f"d{number}" for number in range(12)],
        "at": ["2026-05-01T00:00:01Z"] * 12,
        "page": ["p"] * 12,
        "position": list(range(12)),
        "kept": [0.5] * 12,
        "logged_policy": ["one"] * 6 + ["two"] * 6,
        "their device": ["tv", None] * 6,
        "hour": list(range(12)),
    }
    log = as_parquet({**whole(), **more}, tmp_path / "log.parquet")
    [found] = read(log, features=["hour", "their device"], segments=["their device"])
    assert found.numbers.tolist() == [*range(12)]
    assert found.propensity.tolist() == golden.PROPENSITY
    assert found.stated["target_propensity"].tolist() == golden.TARGET_PROPENSITY
    assert found.viewers is not None
    assert len(np.unique(found.viewers)) == 4
    assert found.decisions is not None
    assert len(np.unique(found.decisions)) == 12
    assert found.pages is not None
    assert len(np.unique(found.pages)) == 1
    assert found.at is not None
    assert set(found.at.tolist()) == {1_777_593_601_000_000}
    assert set(found.labels) == {"title", "artwork", "logged_policy", "their device"}
    assert [found.labels["their device"].names[code] for code in found.labels["their device"].codes[:2]] == [
        "tv",
        "unknown",
    ]
    assert np.asarray(found.features["hour"]).tolist() == list(range(12))


def test_the_eligible_artworks_carry_the_titles_name_and_what_was_stated(tmp_path: Path) -> None:
    [found] = read(as_parquet(whole(), tmp_path / "log.parquet"))
    slates = found.slates
    assert slates is not None
    assert slates.chosen is not None
    assert slates.logged is None
    assert [slates.names[code] for code in slates.artworks[:3]] == ["t/a", "t/b", "t/c"]
    assert (slates.chosen - slates.starts[:-1]).tolist() == golden.CHOSEN
    assert slates.stated["target_probabilities"].tolist() == [each for stated in golden.TARGET for each in stated]


def test_lists_without_names_number_the_artworks(tmp_path: Path) -> None:
    columns = {name: values for name, values in whole().items() if name not in ("artworks", "title")}
    [found] = read(as_parquet({**columns, "artwork": golden.CHOSEN}, tmp_path / "log.parquet"))
    assert found.slates is not None
    assert found.slates.names == ("0", "1", "2")
    assert found.slates.chosen is not None
    assert (found.slates.chosen - found.slates.starts[:-1]).tolist() == golden.CHOSEN


def test_the_propensity_may_stand_in_the_logged_distribution(tmp_path: Path) -> None:
    columns = whole()
    logged = [[(1 - p) / 2] * 3 for p in columns.pop("propensity")]
    for stated, chosen, p in zip(logged, golden.CHOSEN, golden.PROPENSITY, strict=True):
        stated[chosen] = p
    [found] = read(as_parquet({**columns, "probabilities": logged}, tmp_path / "log.parquet"))
    assert found.propensity.tolist() == golden.PROPENSITY


def test_parts_hang_on_the_files_alone_and_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 5)
    for day, rows in enumerate((slice(0, 7), slice(7, 12))):
        columns = {name: values[rows] for name, values in golden.columns().items()}
        as_parquet(columns, tmp_path / f"day=2026-05-0{day + 1}.parquet", group=3)
    found = parts(LogTable(path=tmp_path))
    assert [part.first for part in found] == [0, 6, 7]
    sent = pickle.loads(pickle.dumps(found))
    batches = [rows for part in sent for rows in part.rows()]
    assert numbers(batches, "numbers") == [*range(12)]
    assert numbers(batches, "reward") == golden.REWARD


def test_what_does_not_count_is_left_out(tmp_path: Path) -> None:
    columns = {**golden.columns(), "excluded": [None] * 10 + ["robot", ""], "reason": ["policy"] * 11 + ["pinned"]}
    [found] = read(as_parquet(columns, tmp_path / "log.parquet"))
    assert found.reward.tolist() == golden.REWARD[:10]


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    columns = {**whole(), "excluded": [None] * 11 + ["robot"]}
    [found] = read(as_parquet(columns, tmp_path / "log.parquet"), wanted=frozenset({"viewer"}))
    assert (found.slates, found.titles, dict(found.stated), len(found)) == (None, None, {}, 11)
    assert found.viewers is not None


def test_viewers_have_the_same_key_whatever_their_type(tmp_path: Path) -> None:
    texts = as_parquet({**golden.columns(), "viewer": [str(number) for number in range(12)]}, tmp_path / "a.parquet")
    whole_numbers = as_parquet({**golden.columns(), "viewer": list(range(12))}, tmp_path / "b.parquet")
    assert numbers(read(texts), "viewers") == numbers(read(whole_numbers), "viewers")


@pytest.mark.parametrize(
    ("changes", "reason", "rows"),
    [
        ({"reward": ["1"] * 3 + ["much", "0", "more"] + ["1"] * 6}, "wrong_type", (3, 5)),
        ({"reward": ["much"] * 12}, "wrong_type", tuple(range(10))),
        ({"viewer": ["v"] * 4 + [None] + ["v"] * 7}, "names_missing", (4,)),
        ({"artwork": ["z", *whole()["artwork"][1:]]}, "unknown_artwork", (0,)),
        ({"artworks": [["a", "b", "c"]] * 11 + [["a", "a", "b"]]}, "artwork_listed_twice", (11,)),
        ({"artworks": [["a", "b", "c"]] * 11 + [[]]}, "no_eligible_artworks", (11,)),
        ({"artworks": [["a", "b", "c"]] * 11 + [None]}, "lists_missing", (11,)),
        ({"artworks": ["a"] * 12}, "wrong_type", tuple(range(10))),
        ({"target_probabilities": [[0.5, 0.5], *whole()["target_probabilities"][1:]]}, "lists_of_other_lengths", (0,)),
        ({"target_probabilities": [["x", "y", "z"]] * 12}, "wrong_type", (0, 1, 2, 3)),
        ({"probabilities": [[0.2, 0.4, 0.4]] * 12}, "propensity_contradicts", tuple(range(10))),
        ({"at": ["2026-05-01"] * 7 + ["yesterday"] * 5}, "wrong_type", (7, 8, 9, 10, 11)),
        ({"at": ["2026-05-01"] * 7 + [None] * 5}, "times_missing", (7, 8, 9, 10, 11)),
        ({"position": [0.5] + [1] * 11}, "wrong_type", (0,)),
    ],
)
def test_what_is_wrong_is_named_with_its_rows(
    tmp_path: Path, changes: dict[str, Any], reason: str, rows: tuple[int, ...]
) -> None:
    with pytest.raises(BadLog) as refused:
        read(as_parquet({**whole(), **changes}, tmp_path / "log.parquet"))
    assert (refused.value.reason, refused.value.rows) == (reason, rows)
    told = pickle.loads(pickle.dumps(refused.value)).refusal()
    assert told == refused.value.refusal()
    assert (told.code, told.rows, told.bad_input) == (reason, rows, True)


def test_rows_are_numbered_as_in_the_log_whatever_was_left_out(tmp_path: Path) -> None:
    columns = {**golden.columns(), "reward": ["1"] * 11 + ["x"], "excluded": ["robot"] * 5 + [None] * 7}
    with pytest.raises(BadLog) as refused:
        read(as_parquet(columns, tmp_path / "log.parquet", group=4))
    assert refused.value.rows == (11,)
    assert "row 11" in refused.value.message


def test_a_log_without_propensities_is_refused_with_what_can_be_done(tmp_path: Path) -> None:
    columns = {name: values for name, values in golden.columns().items() if name != "propensity"}
    with pytest.raises(BadLog, match="--map propensity=COLUMN") as refused:
        read(as_parquet(columns, tmp_path / "log.parquet"))
    assert refused.value.reason == "no_propensities"


def test_columns_that_are_asked_for_must_be_there(tmp_path: Path) -> None:
    log = as_parquet(golden.columns(), tmp_path / "log.parquet")
    for options in (
        {"needed": ("artworks",)},
        {"names": {"viewer": "user"}},
        {"features": ("user",)},
        {"segments": ("user",)},
    ):
        with pytest.raises(BadLog) as refused:
            read(log, **options)
        assert refused.value.reason == "column_missing"
    with pytest.raises(BadInput, match="canonical"):
        read(log, names={"price": "reward"})
    with pytest.raises(RefusedFeature):
        read(as_parquet({**golden.columns(), "age": [1] * 12}, tmp_path / "aged.parquet"), features=["age"])


def test_rewards_keep_their_stated_range(tmp_path: Path) -> None:
    log = as_parquet(golden.columns(), tmp_path / "log.parquet")
    with pytest.raises(BadLog, match="outside 0 to") as refused:
        read(log, reward_range=(0.0, 0.5))
    assert refused.value.rows == (0, 2, 4, 6, 8, 9)


def test_an_empty_log_has_no_rows_and_a_truncated_one_is_named(tmp_path: Path) -> None:
    empty = as_parquet({name: np.zeros(0) for name in golden.columns()}, tmp_path / "empty.parquet")
    assert read(empty) == []
    cut = as_parquet(whole(), tmp_path / "cut.parquet")
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(BadLog) as refused:
        read(cut)
    assert refused.value.reason == "unreadable_file"


def test_texts_that_say_few_things_may_come_as_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {**whole(), "device": ["tv", None, "phone"] * 4, "kept": ["0.5", "1"] * 6, "at": ["2026-05-01"] * 12}
    plain = as_parquet(columns, tmp_path / "log.parquet", group=5)
    reference = read(plain)
    monkeypatch.setattr(parquet, "_SMALL_GROUP", 0)
    found = read(plain)
    assert [len(rows) for rows in found] == [5, 5, 2]
    for name in ("viewers", "kept", "at"):
        assert numbers(found, name) == numbers(reference, name)
    for name in ("device", "title", "artwork"):
        assert told(found, name) == told(reference, name)
    assert told(found, "device")[:3] == ["tv", "unknown", "phone"]
    slates = [rows.slates for rows in found if rows.slates is not None]
    assert [slate.names[code] for slate in slates for code in slate.artworks] == ["t/a", "t/b", "t/c"] * 12


def told(batches: list[Logged], name: str) -> list[str]:
    return [rows.labels[name].names[code] for rows in batches for code in rows.labels[name].codes]
