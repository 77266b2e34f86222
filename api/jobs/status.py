"""What an installation holds, what waits and what decides: figures for people and programs. Changes nothing."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from api.dependencies.identity import spoken
from api.dependencies.troubles import read_troubles
from api.settings import Settings
from api.storage.alarms import open_alarms
from api.storage.catalog import count_artworks, count_titles
from api.storage.database import open_engine, reading
from api.storage.due import count_due
from api.storage.evaluations import latest_evaluations
from api.storage.events import count_events, count_viewers
from api.storage.foundation import live_foundation_version
from api.storage.jobs import JobState, count_jobs
from api.storage.leases import JobStanding, standings
from api.storage.outcomes import count_outcomes
from api.storage.pages import count_decisions
from api.storage.policies import BUILT_IN, list_policy_versions, standing
from api.storage.rewards import count_rewards
from api.storage.tallies import read_conservation
from api.storage.vectors import live_embedding_version


def read_status(settings: Settings) -> dict[str, Any]:
    """Count everything once.

    Raises:
        StorageUnavailable: the database is down or not migrated.
    """
    with reading(open_engine(settings.database_url)) as connection:
        embedding, foundation = live_embedding_version(connection), live_foundation_version(connection)
        pages, decisions = count_decisions(connection)
        rewards, mean = count_rewards(connection, settings.reward)
        jobs, now = count_jobs(connection), standing(connection)
        return {
            "policy": now.live,
            "canary": now.canary.version if now.canary else None,
            "shadow": now.shadow,
            "embedding_version": embedding.version if embedding else None,
            "foundation_version": foundation.version if foundation else None,
            "titles": count_titles(connection),
            "artworks": {state.value: count for state, count in count_artworks(connection).items()},
            "viewers": count_viewers(connection),
            "events": count_events(connection),
            "pages": pages,
            "decisions": decisions,
            "outcomes": count_outcomes(connection),
            "rewards": rewards,
            "mean_reward": mean,
            "reward": settings.reward,
            "pages_to_join": count_due(connection),
            "jobs_waiting": sum(count for (_, state), count in jobs.items() if state is JobState.WAITING),
            "jobs_failed": sum(count for (_, state), count in jobs.items() if state is JobState.FAILED),
            "loop": settings.loop,
            "conservation": asdict(read_conservation(connection)),
            "schedule": read_schedule(connection),
            "alarms": read_alarms(connection),
            "troubles": [asdict(each) for each in read_troubles(connection, now=datetime.now(UTC))],
        }


def read_schedule(connection: Connection) -> list[dict[str, Any]]:
    """Say of every job of the schedule who runs it, how its last run ended, and when it is next; by name."""
    return [_job(each) for each in standings(connection).values()]


def _job(job: JobStanding) -> dict[str, Any]:
    return {
        "job": job.job,
        "state": job.state.value if job.state else None,
        "worker": spoken(job.owner) if job.owner else None,
        "started_at": _told(job.started_at),
        "ended_at": _told(job.ended_at),
        "result": job.result,
        "next_at": _told(job.next_at),
        "runs": job.runs,
        "failures_in_a_row": job.failures_in_a_row,
    }


def read_alarms(connection: Connection) -> list[dict[str, Any]]:
    """Say what an operator must look at, the newest first."""
    return [
        {
            "kind": each.kind,
            "subject": each.subject,
            "message": each.message,
            "raised_at": _told(each.raised_at),
            "renewed_at": _told(each.renewed_at),
        }
        for each in open_alarms(connection)
    ]


def _told(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def list_versions(settings: Settings) -> list[dict[str, Any]]:
    """List the policy versions, the newest first and the built-in ones last: stage, origin, newest evaluation.

    Raises:
        StorageUnavailable: the database is down or not migrated.
    """
    with reading(open_engine(settings.database_url)) as connection:
        now, evaluated = standing(connection), latest_evaluations(connection)
        learned = list_policy_versions(connection)
    told: list[dict[str, Any]] = []
    for version in learned:
        result = evaluation.result if (evaluation := evaluated.get(version.version)) else None
        told.append(
            {
                "version": version.version,
                "stage": now.stage_of(version.version).value,
                "created_at": version.created_at.isoformat(timespec="seconds"),
                "rows": version.manifest.get("rows"),
                **{name: getattr(result, name, None) for name in _TOLD_OF_EVALUATIONS},
            }
        )
    nothing = dict.fromkeys(("created_at", "rows", *_TOLD_OF_EVALUATIONS))
    return told + [{"version": name, "stage": now.stage_of(name).value, **nothing} for name in BUILT_IN]


_TOLD_OF_EVALUATIONS = ("value", "low", "high", "live", "live_value")
