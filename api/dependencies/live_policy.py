"""The policy that decides now. A version that cannot be loaded whole never replaces the one in memory (C7)."""

import threading

from sqlalchemy import Engine

from api.errors import Conflict
from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.foundation import live_foundation_version
from api.storage.policies import find_policy_version, live_version
from bandit.decision import PolicyVersionId
from bandit.errors import BanditError
from bandit.policies.default_artwork import DEFAULT, DefaultArtworkPolicy
from bandit.policies.policy import Policy
from bandit.policies.uniform import UNIFORM, UniformPolicy
from bandit.registry import load_policy


def load_version(engine: Engine, blobs: BlobStore, version: PolicyVersionId) -> Policy:
    """Return a policy version, checked whole.

    Raises:
        UnknownVersion: it was never learned here.
        DamagedFile, MissingFile: its bytes are not what its digest names.
        Conflict: it was packed under another feature schema.
    """
    if version == UNIFORM:
        return UniformPolicy()
    if version == DEFAULT:
        return DefaultArtworkPolicy()
    with reading(engine) as connection:
        found = find_policy_version(connection, version)
    bundle = blobs.get_model(found.digest)
    try:
        return load_policy(bundle, found.digest)
    except BanditError as error:
        raise Conflict(f"The policy version {version} cannot be used: {error}.", "The live version stays.") from error


class LivePolicy:
    """Holds the policy that decides; `refresh` follows the deployments.

    `viewer_version` is the foundation version that viewers are looked up in: the one that the policy understands, so
    that training a newer one takes nothing from it; the live one for a policy that looks at no viewer.
    """

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        self._engine = engine
        self._blobs = blobs
        self._refreshing = threading.Lock()
        self.current: Policy = UniformPolicy()
        self.viewer_version: str | None = None

    def refresh(self) -> None:
        """Swap to the version that is live by now, whole or not at all.

        Raises:
            KeyartError: the version cannot be read or is damaged; the one in memory goes on deciding.
        """
        with self._refreshing:
            with reading(self._engine) as connection:
                live = live_version(connection)
                foundation = live_foundation_version(connection)
            if live != self.current.version:
                self.current = load_version(self._engine, self._blobs, live)
            self.viewer_version = self.current.foundation_version or (foundation.version if foundation else None)
