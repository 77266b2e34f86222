"""C7: whatever is done to a version, a promotion refuses it by name and what was live stays (1,000: tests/bandit)."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from api.dependencies.live_policy import LivePolicy
from api.errors import Conflict
from api.storage.database import transaction
from api.storage.tables import policy_versions
from bandit.examination import Examiner
from tests.api.installation import Installation
from tests.api.learned import Learned
from tests.api.problems import is_problem

WHY = {"reason": "contract"}


@contextmanager
def damaged_file(installation: Installation, learned: Learned, damage: Callable[[bytes], bytes]) -> Iterator[None]:
    file = installation.home / "models" / learned.manifest.digest
    kept = file.read_bytes()
    file.write_bytes(damage(kept))
    yield
    file.write_bytes(kept)


@contextmanager
def damaged_row(installation: Installation, learned: Learned, **values: Any) -> Iterator[None]:
    row = policy_versions.c.version == learned.manifest.version
    kept = {"manifest": json.loads(learned.manifest.to_json()), "digest": learned.manifest.digest}
    for written in (values, kept):
        with transaction(installation.engine) as connection:
            connection.execute(update(policy_versions).where(row).values(**written))
        if written is values:
            yield


def flip(place: float) -> Callable[[bytes], bytes]:
    def damage(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]

    return damage


def cut(place: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(place * len(data))]


def refused(installation: Installation, version: str) -> dict[str, Any]:
    """A promotion is refused, by a problem with a remedy, and the default policy goes on deciding."""
    answer = installation.http.post(f"/v1/policies/{version}:promote", json=WHY)
    problem = is_problem(answer, 409 if answer.status_code == 409 else 500, answer.json()["type"].rpartition("/")[2])
    assert problem["remedy"]
    assert installation.select("harbor")["policy"] == "default"
    return problem


def test_c7_damage_of_any_kind_and_what_was_live_stays(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    assert ready.http.post("/v1/policies/default:promote", json=WHY).status_code == 200
    for place in np.linspace(0, 0.999, 12):
        for damage in (flip(place), cut(place)):
            with damaged_file(ready, learned, damage):
                assert "Restore it from a backup" in refused(ready, version)["remedy"]
    told = json.loads(learned.manifest.to_json())
    for field in told:
        with damaged_row(ready, learned, manifest=told | {field: {"unheard": "of"}}):
            assert "cannot be used" in refused(ready, version)["detail"]
    for changed in (told | {"rows": told["rows"] + 1}, told | {"seed": 1}, {}):
        with damaged_row(ready, learned, manifest=changed):
            assert "again" in refused(ready, version)["detail"]
    assert len(ready.http.get("/v1/policies").json()["deployments"]) == 1
    forced = ready.http.post(f"/v1/policies/{version}:promote", json={**WHY, "force": True})
    assert forced.status_code == 200


def test_c7_a_manifest_beside_another_models_bytes_is_refused(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    assert ready.http.post("/v1/policies/default:promote", json=WHY).status_code == 200
    other = ready.blobs.put_model(b"another model, whole under its own name")
    with damaged_row(ready, learned, digest=other):
        assert "with other bytes" in refused(ready, version)["detail"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "code -11"),
        ("import time; time.sleep(60)", "did not end"),
        ("""print('{"mistake": "GoldenMismatch", "message": "off by 0.2, learn it again"}')""", "off by 0.2"),
    ],
)
def test_c7_a_version_that_crashes_hangs_or_states_otherwise_is_not_served(
    ready: Installation, learned: Learned, code: str, said: str
) -> None:
    """As after an update of a library: the version was live, its bytes are whole, and it is refused at the start."""
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json=WHY)
    live = LivePolicy(
        ready.engine, ready.blobs, examiner=Examiner(command=(sys.executable, "-c", code), timeout_seconds=1)
    )
    with pytest.raises(Conflict, match=said):
        live.refresh()
    assert live.current.version == "uniform"


def test_c7_a_version_is_kept_whole_or_not_at_all(ready: Installation, learned: Learned, tmp_path: Path) -> None:
    """Bytes are written before the row that names them; a row without its bytes cannot decide."""
    models = ready.home / "models"
    shutil.move(models, tmp_path / "gone")
    is_problem(ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json=WHY), 500, "missing_file")
    assert ready.select("harbor")["policy"] == "uniform"
