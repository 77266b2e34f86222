"""What an installation holds, what waits and what decides: figures for people and programs. Changes nothing."""

from typing import Any

from api.settings import Settings
from api.storage.catalog import count_artworks, count_titles
from api.storage.database import open_engine, reading
from api.storage.due import count_due
from api.storage.evaluations import latest_evaluations
from api.storage.events import count_events, count_viewers
from api.storage.foundation import live_foundation_version
from api.storage.jobs import JobState, count_jobs
from api.storage.outcomes import count_outcomes
from api.storage.pages import count_decisions
from api.storage.policies import BUILT_IN, list_policy_versions, standing
from api.storage.rewards import count_rewards
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
        }


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
