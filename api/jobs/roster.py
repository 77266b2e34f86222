"""The jobs of the schedule: what is done how often, by which function. Knows not who does it.

A new job is a row here; it needs no more to be leased, run apart, tried again and shown by `keyart status`.
"""

from collections.abc import Callable
from datetime import timedelta

from api.jobs.experimenting import nothing_to_read, read_experiments
from api.jobs.export_folder import exports_of
from api.jobs.exporting import export_log
from api.jobs.loop import evaluate, learn, nothing_to_evaluate, nothing_to_learn
from api.jobs.most_played import count_most_played
from api.jobs.pairing import PAIRING
from api.jobs.scene import EVALUATE, LEARN, STAGE, reach
from api.jobs.schedule import Report, ScheduledJob, Turn
from api.jobs.staging import nothing_to_stage, stage
from api.jobs.trusted import measure_of
from api.jobs.upkeep import UPKEEP
from api.settings import Settings

JOIN, VIEWERS, WATCH = "join", "viewers", "watch"
HELD = (JOIN, VIEWERS, WATCH)
"""Done again and again by the one worker that holds them, beside all else."""

_OFTEN = timedelta(minutes=1)


def every(period: timedelta) -> Callable[[Settings], timedelta | None]:
    """As often as this, in every installation."""
    return lambda settings: period


def _loop_often(settings: Settings) -> timedelta | None:
    """Every minute, or as often as the shortest of the times that the settings name."""
    if reach(settings) < 0:
        return None
    named = (settings.learn_every_seconds, settings.shadow_seconds)
    return min(_OFTEN, *(timedelta(seconds=max(1.0, each)) for each in named if each))


def _export_every(settings: Settings) -> timedelta | None:
    seconds = settings.export_every_seconds
    return timedelta(seconds=seconds) if seconds else None


def _export(turn: Turn) -> Report:
    exported = export_log(turn.engine, exports_of(turn.settings), reward=turn.settings.reward)
    return Report(f"{exported.rows:,} rows in {len(exported.files):,} files")


def _count(turn: Turn) -> Report:
    version = count_most_played(turn.engine, turn.blobs, measure=measure_of(turn.settings), now=turn.now)
    return Report("nothing was rewarded yet" if version is None else f"{version} is the newest")


ROSTER: tuple[ScheduledJob, ...] = (
    ScheduledJob(name=LEARN, every=_loop_often, run=learn, idle=nothing_to_learn, then=(EVALUATE,)),
    ScheduledJob(name=EVALUATE, every=_loop_often, run=evaluate, idle=nothing_to_evaluate, then=(STAGE,)),
    ScheduledJob(name=STAGE, every=_loop_often, run=stage, idle=nothing_to_stage, then=(LEARN,)),
    ScheduledJob(name="most_played", every=every(timedelta(hours=1)), run=_count),
    ScheduledJob(name="experiments", every=every(timedelta(hours=1)), run=read_experiments, idle=nothing_to_read),
    ScheduledJob(name="export", every=_export_every, run=_export),
    PAIRING,
    *UPKEEP,
)
