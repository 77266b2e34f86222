"""C8: a valid artwork for every title, whatever is broken (a lock or a lost database: tests/api/routes/test_select)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from api.dependencies.promotion import Order, promote
from tests.api.installation import Installation, running, settings_in
from tests.api.learned import Learned


def renders(installation: Installation, **asked: object) -> dict[str, object]:
    body = {"viewer": "v", "titles": [{"title": "harbor"}], **asked}
    answer = installation.http.post("/v1/select", json=body)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert installation.http.get(page["slots"][0]["image"]).status_code == 200
    return dict(page)


def test_c8_a_full_disk(harbor: Installation) -> None:
    @event.listens_for(harbor.engine, "connect")
    def fill(connection: object, _: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # type: ignore[attr-defined]

    harbor.engine.dispose()
    for number in range(200):
        page = renders(harbor, viewer=f"v{number}")
        if page["logged"] is False:
            break
    assert (page["logged"], page["policy"]) == (False, "default")


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_c8_a_live_model_that_cannot_be_loaded_at_start(learned_home: Path, learned: Learned, damage: str) -> None:
    settings = settings_in(learned_home)
    with running(settings) as before:
        order = Order(actor="test", reason="contract", at=datetime.now(UTC))
        promote(before.engine, before.blobs, version=learned.manifest.version, order=order)
    file = learned_home / "models" / learned.manifest.digest
    file.unlink() if damage == "gone" else file.write_bytes(b"damaged")
    with running(settings) as after:
        assert renders(after)["policy"] == "uniform"
        assert "policy" in after.http.get("/readyz").json()["problems"]


@pytest.mark.parametrize(
    "at",
    [
        "1970-01-01T00:00:00Z",
        "2199-12-31T23:59:59.999999Z",
        "2026-06-30T12:00:00+14:00",
        "2026-06-30T12:00:00-12:00",
    ],
)
def test_c8_a_clock_that_is_wrong(shared: Installation, at: str) -> None:
    assert renders(shared, context={"at": at})["logged"] is True


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"])
def test_c8_a_time_that_cannot_be_meant_is_refused(shared: Installation, at: str) -> None:
    body = {"viewer": "v", "context": {"at": at}, "titles": [{"title": "harbor"}]}
    assert shared.http.post("/v1/select", json=body).status_code == 422


def test_c8_every_kind_of_context_and_score(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "contract"})
    strange = {"device": "☎" * 64, "row": "a|b:c d", "canvas": "'", "locale": "-"}
    for score in (0, -1e308, 1e308, 5e-324):
        page = renders(ready, context=strange, titles=[{"title": "harbor", "score": score, "position": 10_000}])
        assert (page["policy"], page["logged"]) == (learned.manifest.version, True)


def test_c8_a_log_that_takes_no_more_pages(harbor: Installation) -> None:
    harbor.services.log.close()
    page = renders(harbor)
    assert (page["logged"], page["policy"]) == (False, "default")
    counted = harbor.http.get("/metrics").text.splitlines()
    assert 'keyart_decisions_total{logged="false",reason="fallback"} 1.0' in counted
