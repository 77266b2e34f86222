"""Finds what learning goes on from: a version, its bytes and its sums. Reads no rows and learns nothing."""

from datetime import date

import msgspec
from sqlalchemy import Engine

from api.errors import Conflict
from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.exclusions import Exclusions
from api.storage.pages import decided_at
from api.storage.policies import BUILT_IN, find_policy_version, live_version
from bandit.decision import PageId, PolicyVersionId
from bandit.learning import LearnedModel
from bandit.registry import Manifest, manifest_from_json


def learned_before(engine: Engine, blobs: BlobStore, version: PolicyVersionId | None = None) -> LearnedModel:
    """Return a learned version, by default the live one, with all that learning needs to go on from it.

    Raises:
        UnknownVersion: there is no such version.
        Conflict: it is a built-in policy, or keeps nothing to go on from.
        DamagedFile, MissingFile: its bytes or its sums are not what its manifest names.
        DamagedModel, IncompatibleModel: its manifest cannot be read.
    """
    with reading(engine) as connection:
        name = version or live_version(connection)
        if name in BUILT_IN:
            raise Conflict(f"{name} has learned nothing that learning could go on from.", _REMEDY)
        found = find_policy_version(connection, name)
    manifest = manifest_from_json(msgspec.json.encode(found.manifest))
    if manifest.sums is None or manifest.watermark is None:
        raise Conflict(f"{name} keeps nothing that learning could go on from: its learner cannot.", _REMEDY)
    return LearnedModel(blobs.get_model(found.digest), manifest, blobs.get_model(manifest.sums))


def left_out_until(watermark: str | None, exclusions: Exclusions) -> str:
    """A digest of whose rows up to a watermark do not count."""
    return exclusions.digest(date.min if watermark is None else decided_at(PageId(watermark)).date())


def check_left_out(before: Manifest, exclusions: Exclusions) -> None:
    """Refuse to go on from sums with rows of somebody who is left out by now, or without those of somebody who counts.

    Raises:
        Conflict: they do, or nobody wrote down who was left out then, and somebody is now.
    """
    nobody = left_out_until(before.watermark, Exclusions())
    then = nobody if before.left_out is msgspec.UNSET else before.left_out
    if then != left_out_until(before.watermark, exclusions):
        told = f"Others are left out by now (robots, excluded viewers) than when {before.version} was learned."
        raise Conflict(told, "Learn from the start of the log: leave out --onward and --from.")


_REMEDY = "Learn from the start (leave out --onward and --from), or name a version of the linear learner with --from."
