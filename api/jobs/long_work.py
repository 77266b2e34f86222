"""The long jobs of a worker: what is due is taken and run apart, one at a time, while the short work goes on."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine

from api.jobs.apart import Apart, JobFailed, run_here, turn_of
from api.jobs.holding import Holdings
from api.jobs.schedule import Report, ScheduledJob, done, failed, is_due
from api.settings import Settings
from api.storage.database import transaction
from api.storage.leases import Ended, JobStanding, Lease, bring_forward, plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """A job that this worker holds, as it stood when it was taken."""

    job: ScheduledJob
    standing: JobStanding
    lease: Lease


@dataclass
class LongWork:
    """Ask `step` often; `close` ends what runs, so that another worker may take it over at once."""

    settings: Settings
    engine: Engine
    holdings: Holdings
    jobs: Sequence[ScheduledJob]
    _running: tuple[_Held, Apart] | None = field(default=None, init=False)

    def plan(self, beside: Collection[str] = ()) -> None:
        """Put this installation's jobs on the schedule, and those that are done `beside` them."""
        with transaction(self.engine) as connection:
            plan(connection, [*beside, *(job.name for job in self._wanted())])

    def step(self) -> bool:
        """Look after the job that runs, or begin the next one; tell whether something began or ended.

        Raises:
            StorageUnavailable: the next step makes up for it.
        """
        if self._running is not None:
            return self._look_after(*self._running)
        held = self._next()
        if held is None:
            return False
        try:
            self._running = held, Apart(self.settings, held.lease, held.job.run)
        except Exception as error:
            # A job that cannot begin must not stay held.
            self._fail(held, JobFailed(f"Its process could not be started: {error}"))
        return True

    def step_here(self) -> bool:
        """Run the next job that is due in this process, to its end; False: none is due."""
        held = self._next()
        if held is None:
            return False
        try:
            self._end(held, run_here(self.settings, held.job.name, held.job.run, lease=held.lease), worked=True)
        except JobFailed as error:
            self._fail(held, error)
        return True

    def close(self) -> None:
        """End what runs; its lease is let go with all others of the worker."""
        if self._running is not None:
            held, apart = self._running
            self._running = None
            apart.stop()
            logger.info("%s was ended with its worker", held.job.name)

    def _wanted(self) -> list[ScheduledJob]:
        return [job for job in self.jobs if job.every(self.settings) is not None]

    def _next(self) -> _Held | None:
        """Take the first job that is due and has something to do."""
        standings, now = self.holdings.standings(), datetime.now(UTC)
        for job in self._wanted():
            period, standing = job.every(self.settings), standings.get(job.name)
            if period is None or standing is None or not is_due(standing, every=period, now=now):
                continue
            lease = self.holdings.take(standing)
            if lease is not None and self._has_work(_Held(job, standing, lease)):
                return _Held(job, standing, lease)
        return None

    def _has_work(self, held: _Held) -> bool:
        """Ask a job that is held whether there is something to do; if not, that is its result."""
        try:
            turn = turn_of(self.settings, held.job.name, now=datetime.now(UTC))
            try:
                idle = held.job.idle(turn)
            finally:
                turn.engine.dispose()
        except Exception as error:
            # Whatever it met, the job is let go and tried again later.
            logger.exception("whether %s has something to do could not be told", held.job.name)
            self._fail(held, JobFailed(" ".join(str(error).split())))
            return False
        if idle is not None:
            self._end(held, Report(idle))
        return idle is None

    def _look_after(self, held: _Held, apart: Apart) -> bool:
        if not self.holdings.is_ours(held.lease):
            self._running = None
            apart.stop()
            logger.warning("%s is no longer this worker's and was ended", held.job.name)
            return True
        if not apart.ended():
            return False
        self._running = None
        try:
            self._end(held, apart.report(), worked=True)
        except JobFailed as error:
            self._fail(held, error)
        return True

    def _end(self, held: _Held, report: Report, *, worked: bool = False) -> None:
        period = held.job.every(self.settings)
        assert period is not None, "only wanted jobs are run"
        self._leave(held, done(report, every=period, now=datetime.now(UTC)))
        if worked and held.job.then:
            with transaction(self.engine) as connection:
                bring_forward(connection, held.job.then)

    def _fail(self, held: _Held, error: JobFailed) -> None:
        period = held.job.every(self.settings)
        assert period is not None, "only wanted jobs are run"
        logger.error("%s failed: %s", held.job.name, error)
        ended = failed(str(error), standing=held.standing, every=period, now=datetime.now(UTC))
        self._leave(held, ended)

    def _leave(self, held: _Held, ended: Ended) -> None:
        if not self.holdings.end(held.lease, ended):
            logger.warning("%s was taken over meanwhile; how it ended here is not kept", held.job.name)
