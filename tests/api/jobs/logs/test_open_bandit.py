"""The Open Bandit Dataset as it is published: one source a policy and campaign, items as artworks."""

import csv
from pathlib import Path

import pytest

from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.parts import parts
from api.jobs.logs.table import LogTable
from tests.api.jobs.logs.written import numbers, read

LOG = """,timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_0
0,2019-11-24 00:00:17.004101+00:00,1,1,0,0.5,aa,0.0
1,2019-11-24 00:00:29.004101+00:00,2,3,1,0.25,bb,1.5
"""
ITEMS = ",item_id,item_feature_0\n0,0,-0.7\n1,1,0.1\n2,2,0.2\n"


def published(folder: Path, policy: str, campaign: str, *, log: str = LOG) -> None:
    own = folder / policy / campaign
    own.mkdir(parents=True)
    (own / f"{campaign}.csv").write_text(log)
    (own / "item_context.csv").write_text(ITEMS)


def test_policies_and_campaigns_are_told_apart(tmp_path: Path) -> None:
    published(tmp_path, "bts", "women")
    published(tmp_path, "random", "women")
    published(tmp_path, "random", "men")
    cut = parts(LogTable(path=tmp_path, features=("user_feature_0", "user-item_affinity_0")))
    assert [part.first for part in cut] == [0, 2, 4]
    found = [rows for part in cut for rows in part.rows()]
    assert numbers(found, "propensity") == [0.5, 0.25] * 3
    policies = [rows.labels["logged_policy"].names for rows in found]
    assert policies == [("bts",), ("random",), ("random",)]
    one = found[0]
    assert one.positions is not None
    assert one.positions.tolist() == [0, 2]
    assert one.viewers is None
    assert one.slates is not None
    assert one.slates.chosen is not None
    assert (one.slates.logged, one.slates.names) == (None, ("women/0", "women/1", "women/2"))
    assert (one.slates.chosen - one.slates.starts[:-1]).tolist() == [1, 2]
    assert one.at is not None
    assert one.at.tolist()[0] == 1_574_553_617_004_101


def test_one_campaign_alone_is_a_log(tmp_path: Path) -> None:
    published(tmp_path, "bts", "women")
    assert numbers(read(tmp_path / "bts" / "women"), "reward") == [0.0, 1.0]


def test_what_is_not_as_it_was_published_is_named(tmp_path: Path) -> None:
    published(tmp_path, "bts", "women", log=LOG.replace(",2,3,1,", ",2,third,1,"))
    with pytest.raises(BadLog, match="position"):
        read(tmp_path)
    (tmp_path / "bts" / "women" / "women.csv").unlink()
    with pytest.raises(BadLog, match="0 logs"):
        read(tmp_path)


def test_the_small_logs_of_another_package_are_read_as_they_are() -> None:
    obp = pytest.importorskip("obp", reason="the package that carries six real logs is not installed")
    folder = Path(obp.__file__).parent / "dataset" / "obd" / "bts" / "women"
    with (folder / "women.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = read(folder)
    assert numbers(found, "propensity") == [float(row["propensity_score"]) for row in rows]
    assert numbers(found, "reward") == [float(row["click"]) for row in rows]
