"""The loop with a test as its worker: jobs one by one, at a time that the test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api.jobs.apart import turn_of
from api.jobs.roster import ROSTER
from api.jobs.schedule import Report, done
from api.settings import Settings
from api.storage.database import reading, transaction
from api.storage.leases import Ended, RunState, let_go, plan, standings, take
from api.storage.leases import end as end_lease
from api.storage.policies import standing
from api.storage.tables import policy_evaluations
from tests.api.installation import Installation, an_outcome, settings_in
from tests.api.learned import TITLES, VIEWERS, likes, name_of

JOBS = {job.name: job for job in ROSTER}


@dataclass
class Loop:
    """An installation whose jobs a test runs one by one, as a worker would, at a time that the test moves."""

    installation: Installation
    settings: Settings
    ahead: timedelta = field(default=timedelta(0))

    def run(
        self,
        name: str,
        *,
        whatever: bool = False,
        meanwhile: Callable[[], None] | None = None,
        dies: bool = False,
    ) -> str:
        """Run a job, or hear why there is nothing to do; `whatever` that may be, `meanwhile` something happens.

        A worker that `dies` does not say how its run ended.
        """
        job, now = JOBS[name], datetime.now(UTC) + self.ahead
        with transaction(self.installation.engine) as connection:
            lease = take(connection, standings(connection)[name], owner="test", now=now)
        assert lease is not None
        turn = turn_of(self.settings, name, now=now, lease=lease)
        try:
            idle = None if whatever else job.idle(turn)
            if meanwhile is not None:
                meanwhile()
            report = done(job.run(turn) if idle is None else Report(idle), every=timedelta(minutes=1), now=now)
        finally:
            turn.engine.dispose()
        with transaction(self.installation.engine) as connection:
            assert let_go(connection, lease) if dies else end_lease(connection, lease, report)
        return report.result

    def fail(self, name: str) -> None:
        """Let the last run of a job have broken."""
        with transaction(self.installation.engine) as connection:
            lease = take(connection, standings(connection)[name], owner="test", now=datetime.now(UTC))
            assert lease is not None
            broken = Ended(state=RunState.FAILED, result="no luck", at=datetime.now(UTC), next_at=None)
            assert end_lease(connection, lease, broken)

    def all(self) -> list[str]:
        """Learn, evaluate and stage once."""
        return [self.run(name) for name in ("learn", "evaluate", "stage")]

    def stands(self) -> tuple[str, str | None, str | None]:
        """What is live, canary and shadow."""
        with reading(self.installation.engine) as connection:
            now = standing(connection)
        return now.live, now.canary.version if now.canary else None, now.shadow

    def version(self) -> str:
        """What the loop learned."""
        with reading(self.installation.engine) as connection:
            return standings(connection)["learn"].memory["version"]

    def live_through(self, *, days: int, well: bool) -> None:
        """Let every viewer come back; what the canary shows is played if it does `well`, else never."""
        _, canary, _ = self.stands()
        self.installation.services.refresh()
        outcomes = []
        for viewer in map(name_of, range(VIEWERS)):
            for day in range(days):
                page = self.installation.select(*TITLES, viewer=viewer, at=datetime(2026, 2, 1 + day, tzinfo=UTC))
                for slot in page["slots"]:
                    played = likes(viewer, slot["artwork"]) and (well or page["policy"] != canary)
                    outcomes.append(an_outcome(slot["decision"], "played" if played else "seen"))
        self.installation.report(*outcomes)
        self.installation.join()


def begin(ready: Installation, **changes: Any) -> Loop:
    """On the log of `ready`: the loop learns the same version from it (C9) that was learned and evaluated by hand."""
    with transaction(ready.engine) as connection:
        plan(connection, JOBS)
        connection.execute(policy_evaluations.delete())
    return with_settings(ready, **changes)


def with_settings(ready: Installation, **changes: Any) -> Loop:
    """Quick to learn, shadow and judge, but for `changes`."""
    wanted = {"learn_after": 100, "shadow_seconds": 0, "shadow_pages": 0, "canary_share": 0.5, "canary_decisions": 100}
    return Loop(ready, settings_in(ready.home, **wanted | changes))
