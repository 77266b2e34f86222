"""Policy versions, loaded from storage and checked whole: manifest, bytes, golden pages (C7). Knows no stage."""

import msgspec
from sqlalchemy import Engine

from api.errors import Conflict
from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.policies import PolicyVersion, find_policy_version
from bandit.decision import PolicyVersionId
from bandit.errors import BanditError, IncompatibleModel
from bandit.examination import Examiner
from bandit.policies.default_artwork import DEFAULT, DefaultArtworkPolicy
from bandit.policies.most_played import is_most_played
from bandit.policies.policy import Policy
from bandit.policies.uniform import UNIFORM, UniformPolicy
from bandit.registry import Manifest, check_manifest, load_policy, manifest_from_json


def load_version(
    engine: Engine, blobs: BlobStore, version: PolicyVersionId, *, examiner: Examiner | None = None
) -> Policy:
    """Return a policy version, checked whole.

    With an `examiner`, another process loads it first and compares what it states with its golden pages: what serves
    must not load a version that no other process survived.

    Raises:
        UnknownVersion: it was never learned here.
        DamagedFile, MissingFile: its bytes are not what its digest names.
        Conflict: it was packed under another feature schema, its manifest is damaged or another's, or it states other
            probabilities than when it was packed.
    """
    if version == UNIFORM:
        return UniformPolicy()
    if version == DEFAULT:
        return DefaultArtworkPolicy()
    with reading(engine) as connection:
        found = find_policy_version(connection, version)
    bundle = blobs.get_model(found.digest)
    try:
        if is_most_played(bundle):
            return load_policy(bundle, found.digest)  # counts: nothing to examine that reading them does not
        manifest = _manifest(found)
        if examiner is not None:
            examiner.examine(bundle, found.digest)
        check_manifest(manifest, bundle)
        return load_policy(bundle, found.digest)
    except BanditError as error:
        remedy = "The live version stays. Restore this one from a backup, or learn again: `keyart learn`."
        raise Conflict(f"The policy version {version} cannot be used: {error}.", remedy) from error


def _manifest(found: PolicyVersion) -> Manifest:
    manifest = manifest_from_json(msgspec.json.encode(found.manifest))
    if (manifest.version, manifest.digest) != (found.version, found.digest):
        raise IncompatibleModel(
            f"its manifest is of {manifest.version} with other bytes; restore the database from a backup or learn again"
        )
    return manifest
