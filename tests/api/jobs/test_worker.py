"""The worker does what waits; what one kind of work meets does not keep the others from being done."""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.jobs.worker import Worker, work
from api.storage.catalog import find_artwork
from api.storage.database import reading, transaction
from api.storage.due import count_due
from api.storage.foundation import FoundationVersion, add_foundation_version, set_live_foundation_version
from api.storage.pages import PageId
from api.storage.rewards import rewards_of
from artwork.catalog import ArtworkId, ArtworkState, TitleId
from tests.api.installation import Installation, an_outcome, decisions_of, settings_in
from tests.api.pictures import picture


@pytest.fixture(scope="module")
def without_model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of a model whose weights cannot be had."""
    return {"clip_model": "ViT-B-32", "clip_pretrained": str(tmp_path_factory.mktemp("model") / "nowhere.safetensors")}


def upload_and_report(installation: Installation) -> tuple[str, str]:
    """Leave a picture to be embedded and a page to be joined; return that page and its decision."""
    installation.http.put("/v1/titles/harbor/artworks/new/image", content=picture(4))
    page = installation.select()
    decided = decisions_of(page)[0]
    installation.report(an_outcome(decided, "seen"))
    return page["page"], decided


def state(installation: Installation) -> ArtworkState:
    with reading(installation.engine) as connection:
        return find_artwork(connection, TitleId("harbor"), ArtworkId("new")).state


def is_joined(installation: Installation, page: str) -> bool:
    with reading(installation.engine) as connection:
        return bool(rewards_of(connection, PageId(page)))


def test_without_its_model_images_wait_and_the_rest_is_done(
    harbor: Installation, without_model: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    page, _ = upload_and_report(harbor)
    with caplog.at_level(logging.ERROR):
        work(settings_in(harbor.home, **without_model), stop=lambda: False, once=True)
    assert state(harbor) is ArtworkState.PROCESSING
    assert is_joined(harbor, page)
    assert "uploaded images wait" in caplog.text
    assert "KEYART_CLIP_PRETRAINED" in caplog.text


@pytest.mark.parametrize("broken", ["gone", "foreign"])
def test_a_failing_kind_of_work_does_not_stop_the_others(
    harbor: Installation, without_model: dict[str, str], caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    digest = "f" * 64 if broken == "gone" else harbor.blobs.put_model(b"whole, but no checkpoint")
    version = FoundationVersion(version="viewers-x", digest=digest, config={}, metrics={}, created_at=datetime.now(UTC))
    with transaction(harbor.engine) as connection:
        add_foundation_version(connection, version)
        set_live_foundation_version(connection, version.version)
    worker = Worker(settings_in(harbor.home, **without_model))
    try:
        worker.step()
        page, _ = upload_and_report(harbor)
        worker.step()
    finally:
        worker.close()
    assert is_joined(harbor, page)
    assert "refresh_viewers" in caplog.text


def test_a_locked_or_missing_database_is_outlived_and_complained_about_once(
    tmp_path: Path, without_model: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(settings_in(tmp_path / "bare", **without_model))
    try:
        assert worker.step() is False
        assert worker.step() is False
    finally:
        worker.close()
    assert caplog.text.count("has not been migrated") == 1


def test_it_works_until_it_is_told_to_stop(harbor: Installation, without_model: dict[str, str]) -> None:
    page, _ = upload_and_report(harbor)
    began = time.monotonic()

    def stop() -> bool:
        with reading(harbor.engine) as connection:
            return count_due(connection) == 0 or time.monotonic() - began > 20

    work(settings_in(harbor.home, **without_model), stop=stop, once=False)
    assert is_joined(harbor, page)
