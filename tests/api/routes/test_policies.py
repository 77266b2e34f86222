"""/v1/policies: listed, promoted without a restart, rolled back; a damaged version never goes live (C7).

Canaries, shadows and the gate: test_stages.py.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.dependencies.promotion import Order
from api.dependencies.promotion import promote as promote_elsewhere
from api.storage.blobs import BlobStore
from api.storage.database import open_engine, reading, transaction
from api.storage.policies import list_deployments
from api.storage.vectors import EmbeddingVersion, add_embedding_version, set_live_embedding_version
from tests.api.installation import Installation
from tests.api.learned import Learned
from tests.api.problems import is_problem

WHY = {"reason": "a test"}


def promote(installation: Installation, version: str, **body: Any) -> Any:
    return installation.http.post(f"/v1/policies/{version}:promote", json={**WHY, **body})


def model_file(installation: Installation, learned: Learned) -> Any:
    return installation.home / "models" / learned.manifest.digest


def deployments(installation: Installation) -> list[str]:
    with reading(installation.engine) as connection:
        return [each.version for each in list_deployments(connection)]


def test_uniform_is_live_until_a_version_is_promoted(ready: Installation, learned: Learned) -> None:
    listed = ready.http.get("/v1/policies").json()
    assert listed["live"] == "uniform"
    assert [each["version"] for each in listed["versions"]] == [learned.manifest.version, "uniform", "default"]
    assert (listed["deployments"], listed["canary"], listed["shadow"]) == ([], None, None)
    assert [each["stage"] for each in listed["versions"]] == ["candidate", "live", "candidate"]
    assert "golden" not in listed["versions"][0]["manifest"]
    one = ready.http.get(f"/v1/policies/{learned.manifest.version}").json()
    assert (one["live"], one["digest"], one["manifest"]["rows"]) == (
        False,
        learned.manifest.digest,
        learned.manifest.rows,
    )
    assert len(one["manifest"]["golden"]["pages"]) == 40
    assert one["evaluation"]["low"] > one["evaluation"]["live_value"] > 0


def test_a_promoted_version_decides_at_once_and_a_roll_back_takes_it_off(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    promoted = promote(ready, version)
    assert promoted.status_code == 200
    assert (promoted.json()["version"], promoted.json()["actor"], promoted.json()["reason"]) == (
        version,
        "key:preset",
        "a test",
    )
    page = ready.select("harbor", viewer="even-0")
    assert page["policy"] == version
    record = ready.http.get(f"/v1/decisions/{page['slots'][0]['decision']}").json()
    assert record["policy_digest"] == learned.manifest.digest
    assert len(record["viewer_vector"]) == 6
    is_problem(promote(ready, version), 409, "conflict")
    back = ready.http.post("/v1/policies:rollback", json=WHY).json()
    assert (back["version"], back["rolled_back"]) == ("uniform", version)
    assert ready.select("harbor")["policy"] == "uniform"
    is_problem(ready.http.post("/v1/policies:rollback", json=WHY), 409, "conflict")
    assert deployments(ready) == ["uniform", version]


def test_another_process_that_promotes_is_followed_without_a_restart(ready: Installation, learned: Learned) -> None:
    engine = open_engine(ready.settings.database_url)
    order = Order(actor="someone", reason="why not", at=datetime.now(UTC))
    promote_elsewhere(engine, BlobStore(ready.home), version=learned.manifest.version, order=order)
    engine.dispose()
    assert ready.select("harbor")["policy"] == "uniform"
    ready.services.refresh()
    assert ready.select("harbor")["policy"] == learned.manifest.version


def test_the_default_policy_can_be_promoted(ready: Installation) -> None:
    assert promote(ready, "default").status_code == 200
    page = ready.select("harbor", "tundra")
    assert (page["policy"], page["logged"]) == ("default", True)
    shown = [(slot["artwork"], slot["probability"], slot["reason"]) for slot in page["slots"]]
    assert shown == [("a", 1.0, "default")] * 2
    assert ready.http.post("/v1/policies:rollback", json=WHY).json()["version"] == "uniform"


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_model_never_goes_live(ready: Installation, learned: Learned, damage: str) -> None:
    file = model_file(ready, learned)
    data = bytearray(file.read_bytes())
    if damage == "remove":
        file.unlink()
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(bytes(data if damage == "flip" else data[:-100]))
    is_problem(promote(ready, learned.manifest.version), 500, "missing_file" if damage == "remove" else "damaged_file")
    assert deployments(ready) == []
    assert ready.select("harbor")["policy"] == "uniform"


def test_a_live_version_that_is_damaged_afterwards_goes_on_deciding_from_memory(
    ready: Installation, learned: Learned
) -> None:
    promote(ready, learned.manifest.version)
    model_file(ready, learned).write_bytes(b"damaged")
    ready.services.refresh()
    assert ready.select("harbor")["policy"] == learned.manifest.version
    assert ready.http.post("/v1/policies:rollback", json=WHY).status_code == 200
    assert ready.select("harbor")["policy"] == "uniform"


@pytest.mark.parametrize("fault", ["damaged", "missing", "other vectors"])
def test_a_roll_back_to_a_version_that_cannot_decide_is_refused(
    ready: Installation, learned: Learned, fault: str
) -> None:
    promote(ready, learned.manifest.version)
    promote(ready, "default")
    if fault == "damaged":
        model_file(ready, learned).write_bytes(b"damaged")
    elif fault == "missing":
        model_file(ready, learned).unlink()
    else:
        other = EmbeddingVersion(version="other-000000000002", dimension=4, domain="rendered")
        with transaction(ready.engine) as connection:
            add_embedding_version(connection, other, now=datetime.now(UTC))
            set_live_embedding_version(connection, other.version)
    problem = is_problem(ready.http.post("/v1/policies:rollback", json=WHY), 409, "conflict")
    assert "uniform" in problem["remedy"]
    assert deployments(ready) == ["default", learned.manifest.version]
    assert promote(ready, "uniform").status_code == 200


def test_a_wrong_order_is_refused(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    is_problem(promote(ready, "squarecb-000000000000"), 404, "unknown_version")
    is_problem(promote(ready, version, stage="canary"), 422, "bad_input")
    is_problem(promote(ready, version, stage="shadow", share=0.1), 422, "bad_input")
    is_problem(promote(ready, version, share=0.1), 422, "bad_input")
    is_problem(promote(ready, version, stage="retired"), 422, "invalid_request")
    is_problem(promote(ready, version, stage="canary", share=0), 422, "invalid_request")
    is_problem(promote(ready, version, stage="loud"), 422, "invalid_request")
    is_problem(promote(ready, version, share=2), 422, "invalid_request")
    is_problem(ready.http.post(f"/v1/policies/{version}:promote", json={}), 422, "invalid_request")
    is_problem(ready.http.post("/v1/policies:rollback", json={"reason": ""}), 422, "invalid_request")
    is_problem(ready.http.post("/v1/policies/nothing:retire", json=WHY), 404, "unknown_version")
    is_problem(ready.http.post("/v1/policies/uniform:retire", json=WHY), 409, "conflict")
    is_problem(ready.http.get("/v1/policies/nothing"), 404, "unknown_version")
    assert deployments(ready) == []


def test_a_locked_database_promotes_nothing(ready: Installation, learned: Learned) -> None:
    promote(ready, "default")
    ready.impatient()
    with ready.locked():
        is_problem(promote(ready, learned.manifest.version), 503, "storage_unavailable")
        is_problem(ready.http.post("/v1/policies:rollback", json=WHY), 503, "storage_unavailable")
    assert deployments(ready) == ["default"]
