"""The export reads the same from either database: all that is seen, and the unseen where it is asked for."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet
from sqlalchemy import Engine

from api.jobs.exporting import export_log
from api.jobs.joining import join_rewards
from api.storage.database import transaction
from api.storage.decision_log import DecisionLog
from api.storage.outcomes import add_outcomes
from bandit.decision import Outcome, OutcomeKind, Page
from bandit.rewards import RewardWindows
from foundation.events import EventId
from tests.api.written import append


def test_what_is_logged_and_joined_is_exported(engine: Engine, make_page: Callable[..., Page], tmp_path: Path) -> None:
    log, made = DecisionLog(engine), [make_page(slots=3) for _ in range(4)]
    assert all(append(log, page, timeout=10) for page in made)
    log.close()
    now = made[-1].at + timedelta(hours=1)
    seen = [
        Outcome(
            event=EventId("e"), page=page.page, slot=slot, kind=OutcomeKind.WATCHED, at=page.at, seconds=600.0 * slot
        )
        for page, slot in ((made[0], 1), (made[1], 0), (made[1], 2))
    ]
    with transaction(engine) as connection:
        add_outcomes(connection, seen, now=now)
    while join_rewards(engine, windows=RewardWindows(), now=now):
        pass
    exported = export_log(engine, tmp_path / "log", unseen=True)
    rows = {row["decision"]: row for row in pyarrow.parquet.read_table(tmp_path / "log").to_pylist()}
    assert len(rows) == exported.rows == 12
    told = {f"{each.page}-{each.slot:02d}" for each in seen}
    assert {name for name, row in rows.items() if row["seen"]} == told
    assert {name for name, row in rows.items() if row["reward"] is not None} == told
    first = rows[f"{made[0].page}-00"]
    assert (first["at"], first["viewer"], first["policy_digest"]) == (made[0].at, made[0].viewer, made[0].policy_digest)
    assert export_log(engine, tmp_path / "log").rows == 3
