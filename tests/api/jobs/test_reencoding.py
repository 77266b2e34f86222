"""Logged pages are seen in another foundation version from the events before them, and from nothing later."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from api.errors import UnknownVersion
from api.jobs.evaluating import OwnOrder, evaluate_own
from api.jobs.learning import learn_version
from api.jobs.reencoding import Reencoder
from api.jobs.viewers import live_foundation, train_foundation
from api.storage.database import reading
from api.storage.events import histories
from artwork.catalog import ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Page, PageId, PolicyVersionId, RewardedDecision, Slot
from foundation.encoder import encode_viewers
from foundation.events import ViewerId
from foundation.model import ModelConfig
from foundation.trained import TrainingConfig
from tests.api.installation import AT, Installation, an_event, an_outcome, running, settings_in

SMALL = TrainingConfig(model=ModelConfig(dimension=8, layers=1, length=16), epochs=1, least_steps=5)
TITLES = ("harbor", "tundra", "comet")


@pytest.fixture(scope="module")
def trained(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, str]]:
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("reencoding") / "home")
    with running(settings_in(Path(home))) as installation:
        for title in TITLES:
            installation.http.put(f"/v1/titles/{title}", json={"name": title})
        installation.post_events(
            *(
                an_event(f"v{viewer}", TITLES[(viewer + day) % 3], action="finish", at=_day(day).isoformat())
                for viewer in range(12)
                for day in range(6)
            )
        )
        yield installation, train_foundation(installation.engine, installation.blobs, config=SMALL).version


def _day(day: int) -> datetime:
    return AT + timedelta(days=day)


def _row(viewer: ViewerId, *, at: datetime, version: str, number: int = 0) -> RewardedDecision:
    slot = Slot(
        title=TitleId("harbor"),
        artworks=(ArtworkId("aa"),),
        images=("0" * 16,),
        probabilities=(1.0,),
        chosen=0,
        position=0,
    )
    page = Page(
        page=PageId(f"{number:032x}"),
        viewer=viewer,
        at=at,
        request=RequestContext(at=at),
        policy=PolicyVersionId("uniform"),
        policy_digest="",
        embedding_version="e",
        foundation_version=version,
        viewer_vector=np.ones(3, dtype="<f4").tobytes(),
        salt="s",
        window=0,
        slots=(slot,),
    )
    return RewardedDecision(page, 0, 0.5)


def test_a_page_gets_the_vector_of_the_events_before_it(trained: tuple[Installation, str]) -> None:
    installation, version = trained
    viewer = installation.keys.pseudonym("v3")
    rows = [
        _row(viewer, at=_day(3) + timedelta(hours=1), version="old"),
        _row(viewer, at=_day(9), version="old", number=1),
    ]
    early, late = Reencoder(installation.engine, installation.blobs, version=version).rows(rows)
    _, foundation = live_foundation(installation.engine, installation.blobs)
    with reading(installation.engine) as connection:
        events = dict(histories(connection, [viewer]))[viewer]
    for row, known in ((early, events[:4]), (late, events)):
        assert row.page.foundation_version == version
        np.testing.assert_allclose(row.page.vector(), encode_viewers(foundation, [known])[0], atol=1e-6)
        assert row.reward == 0.5
    assert early.page.viewer_vector != late.page.viewer_vector


def test_a_viewer_without_earlier_events_is_a_stranger(trained: tuple[Installation, str]) -> None:
    installation, version = trained
    rows = [
        _row(installation.keys.pseudonym("v3"), at=_day(-1), version="old"),
        _row(ViewerId("x"), at=_day(9), version="o"),
    ]
    for row in Reencoder(installation.engine, installation.blobs, version=version).rows(rows):
        assert row.page.viewer_vector is None
        assert row.page.foundation_version == version


def test_pages_of_the_version_stay_as_they_are_and_no_model_is_opened(trained: tuple[Installation, str]) -> None:
    installation, _ = trained
    row = _row(installation.keys.pseudonym("v3"), at=_day(9), version="never trained")
    assert [*Reencoder(installation.engine, installation.blobs, version="never trained").rows([row])] == [row]


def test_a_version_that_was_never_trained_is_named(trained: tuple[Installation, str]) -> None:
    installation, _ = trained
    row = _row(installation.keys.pseudonym("v3"), at=_day(9), version="old")
    with pytest.raises(UnknownVersion, match="never trained"):
        list(Reencoder(installation.engine, installation.blobs, version="never trained").rows([row]))


def test_learning_goes_on_with_the_viewers_after_a_newer_training(prepared_home: Path, tmp_path: Path) -> None:
    home = shutil.copytree(prepared_home, tmp_path / "home")
    with running(settings_in(Path(home))) as installation:
        for title in TITLES:
            installation.put_title(title, 4)
        installation.post_events(
            *(
                an_event(f"v{viewer}", TITLES[(viewer + day) % 3], action="finish", at=_day(day).isoformat())
                for viewer in range(12)
                for day in range(6)
            )
        )
        train_foundation(installation.engine, installation.blobs, config=SMALL)
        installation.services.refresh()
        for viewer in range(12):
            page = installation.select(*TITLES, viewer=f"v{viewer}")
            installation.report(*(an_outcome(slot["decision"], "watched", seconds=5000.0) for slot in page["slots"]))
        newer = train_foundation(installation.engine, installation.blobs, config=replace(SMALL, seed=1)).version
        learned = learn_version(installation.engine, installation.blobs, settings=installation.settings).manifest
        assert learned.foundation_version == newer
        assert learned.of_other_viewers == 0
        evaluated = evaluate_own(installation.engine, installation.blobs, OwnOrder(target=learned.version))
        assert evaluated.evaluation.rows == learned.held_out
