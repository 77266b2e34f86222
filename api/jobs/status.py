"""What an installation holds, what waits and what decides: figures for people and programs. Changes nothing."""

from typing import Any

from api.settings import Settings
from api.storage.catalog import count_artworks, count_titles
from api.storage.database import open_engine, reading
from api.storage.events import count_events, count_viewers
from api.storage.foundation import live_foundation_version
from api.storage.jobs import JobState, count_jobs
from api.storage.outcomes import count_outcomes
from api.storage.pages import count_decisions
from api.storage.policies import live_version
from api.storage.rewards import count_due, count_rewards
from api.storage.vectors import live_embedding_version
from bandit.rewards import QUALITY_PLAY


def read_status(settings: Settings) -> dict[str, Any]:
    """Count everything once.

    Raises:
        StorageUnavailable: the database is down or not migrated.
    """
    with reading(open_engine(settings.database_url)) as connection:
        embedding, foundation = live_embedding_version(connection), live_foundation_version(connection)
        pages, decisions = count_decisions(connection)
        rewards, mean = count_rewards(connection, QUALITY_PLAY)
        jobs = count_jobs(connection)
        return {
            "policy": live_version(connection),
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
            "pages_to_join": count_due(connection),
            "jobs_waiting": sum(count for (_, state), count in jobs.items() if state is JobState.WAITING),
            "jobs_failed": sum(count for (_, state), count in jobs.items() if state is JobState.FAILED),
        }
