"""C7: a model that is whole but not ours never goes live; deployments stay on record (damage: tests/api/routes)."""

import io
import zipfile
from datetime import UTC, datetime

import pytest

from api.storage.database import transaction
from api.storage.policies import PolicyVersion, add_policy_version
from api.storage.tables import deployments
from bandit.decision import PolicyVersionId
from tests.api.installation import Installation
from tests.api.learned import Learned
from tests.api.problems import is_problem


def changed_bundle(bundle: bytes) -> bytes:
    """The same version under another feature schema."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, part.replace(b'"schema_hash":"', b'"schema_hash":"0') if name == "header.json" else part)
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["no bundle", "other schema"])
def test_c7_a_version_of_another_making_is_refused(ready: Installation, learned: Learned, kind: str) -> None:
    bundle = ready.blobs.get_model(learned.manifest.digest)
    data = b"whole, but no bundle" if kind == "no bundle" else changed_bundle(bundle)
    foreign = PolicyVersion(
        version=PolicyVersionId("foreign"),
        digest=ready.blobs.put_model(data),
        manifest={},
        created_at=datetime.now(UTC),
    )
    with transaction(ready.engine) as connection:
        add_policy_version(connection, foreign)
    problem = is_problem(ready.http.post("/v1/policies/foreign:promote", json={"reason": "contract"}), 409, "conflict")
    assert "cannot be used" in problem["detail"]
    assert ready.http.get("/v1/policies").json()["live"] == "uniform"


def test_c7_a_roll_back_needs_no_model_and_takes_nothing_off_the_record(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    ready.http.post(f"/v1/policies/{version}:promote", json={"reason": "contract"})
    (ready.home / "models" / learned.manifest.digest).unlink()
    assert ready.http.post("/v1/policies:rollback", json={"reason": "contract"}).status_code == 200
    assert ready.select("harbor")["policy"] == "uniform"
    with transaction(ready.engine) as connection:
        assert len(connection.execute(deployments.select()).all()) == 2
