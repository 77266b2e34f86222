"""The job that counts what is played most, for everyone alike: the rung of the fall-back ladder below the last good."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from api.jobs.trusted import Measure, TrustedRows, read_trust
from api.storage.audit_log import WORKER, record
from api.storage.blobs import BlobStore
from api.storage.database import transaction
from api.storage.pages import page_id_at
from api.storage.policies import PolicyVersion, add_policy_version
from api.storage.rewards import rewarded_decisions
from bandit.decision import PolicyVersionId
from bandit.policies.most_played import MostPlayedPolicy, count_fairly

COUNTED_FOR = timedelta(days=30)
"""Tastes move: what was played half a year ago says little of what to show when nothing better can decide."""


def count_most_played(engine: Engine, blobs: BlobStore, *, measure: Measure, now: datetime) -> PolicyVersionId | None:
    """Keep a policy version of the counts of the last thirty days and return it; None where nothing was rewarded.

    Its bytes are its counts, so the same counts give the same version. It decides nothing until the ladder or somebody
    asks for it.
    """
    since = page_id_at(now - COUNTED_FOR)
    rows = rewarded_decisions(engine, definition=measure.reward, since=since, provisional=True)
    counts = count_fairly(TrustedRows(rows, read_trust(engine, caps=measure.caps)))
    if not counts:
        return None
    policy = MostPlayedPolicy(counts)
    digest = blobs.put_model(policy.to_bytes())  # what the database names must exist
    manifest = {
        "learner": "most_played",
        "reward": measure.reward,
        "rows": round(sum(each.seen for each in counts.values())),
        "artworks": len(counts),
        "embedding_version": None,
        "foundation_version": None,
    }
    version = PolicyVersion(version=policy.version, digest=digest, manifest=manifest, created_at=now)
    with transaction(engine) as connection:
        if add_policy_version(connection, version):
            told = {"rows": manifest["rows"], "reward": measure.reward}
            subject = f"version/{policy.version}"
            record(connection, actor=WORKER.actor, action="version.count", subject=subject, after=told, now=now)
    return policy.version
