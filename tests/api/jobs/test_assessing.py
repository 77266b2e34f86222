"""A version is compared with the live one; where that cannot be loaded, what to do is said and nothing is kept."""

import pytest

from api.errors import Conflict
from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.storage.database import reading, transaction
from api.storage.evaluations import latest_evaluation
from api.storage.policies import deploy, find_policy_version
from api.storage.stages import Deployment, Stage
from api.storage.tables import policy_versions
from bandit.decision import PolicyVersionId
from tests.api.installation import AT, Installation
from tests.api.learned import Learned

OLD = "squarecb-000000000000"


def _become_live(installation: Installation, learned: Learned) -> None:
    """A version of an older Keyart, whose manifest this one cannot read, decides."""
    with transaction(installation.engine) as connection:
        found = find_policy_version(connection, learned.manifest.version)
        manifest = {**found.manifest, "version": OLD, "spec": {"numbers": ["weekend"]}}
        row = {"version": OLD, "digest": found.digest, "manifest": manifest, "created_at": found.created_at}
        connection.execute(policy_versions.insert().values(row))
        deploy(connection, Deployment(version=PolicyVersionId(OLD), stage=Stage.LIVE, actor="ops", reason="", at=AT))


def test_beside_a_live_version_of_an_older_keyart_the_way_out_is_said(ready: Installation, learned: Learned) -> None:
    with reading(ready.engine) as connection:
        before = latest_evaluation(connection, learned.manifest.version)
    _become_live(ready, learned)
    with pytest.raises(Conflict, match=f"{OLD} is live.*keyart rollback"):
        assess_version(ready.engine, ready.blobs, order=OwnOrder(target=learned.manifest.version))
    with reading(ready.engine) as connection:
        assert latest_evaluation(connection, learned.manifest.version) == before
    assert ready.http.post("/v1/policies:rollback", json={"reason": "a test"}).status_code == 200
    assess_version(ready.engine, ready.blobs, order=OwnOrder(target=learned.manifest.version))
