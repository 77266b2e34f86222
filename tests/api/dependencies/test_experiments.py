"""A viewer's cell decides their pages and is logged; what may not decide is not started; nobody else is touched."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.dependencies.experiments import begin_experiment, cells_from, create_experiment, end_experiment
from api.dependencies.promotion import Order
from api.errors import BadInput, Conflict, UnknownVersion
from api.storage.database import reading
from api.storage.experiments import ExperimentPlan, find_experiment
from api.storage.pages import read_pages
from bandit.experiments.allocation import dealt
from bandit.experiments.rules import ExperimentRules
from tests.api.installation import Installation
from tests.api.learned import Learned

VIEWERS = [f"viewer-{number}" for number in range(60)]


def order(**more: Any) -> Order:
    return Order(actor="ana", reason="a test", at=datetime.now(UTC), **more)


def create(installation: Installation, *cells: str, share: float = 0.5) -> str:
    plan = ExperimentPlan(
        experiment="warm",
        hypothesis="",
        share=share,
        cells=cells_from(cells),
        reward="quality_play/1",
        rules=ExperimentRules(),
    )
    return create_experiment(installation.engine, plan, actor="ana", now=datetime.now(UTC)).name


def begin(installation: Installation, experiment: str, **more: Any) -> None:
    begin_experiment(installation.engine, installation.blobs, experiment=experiment, order=order(**more))
    installation.services.refresh()


def test_the_cell_of_a_viewer_decides_and_their_pages_say_so(harbor: Installation) -> None:
    begin(harbor, create(harbor, "control=live", "fixed=default:2"))
    answers = {viewer: harbor.select(viewer=viewer)["policy"] for viewer in VIEWERS}
    running = harbor.services.live.deciding.arms.allocations
    for viewer, policy in answers.items():
        found = dealt(harbor.keys.pseudonym(viewer), running)
        assert policy == ("uniform" if found is None else found[1].policy)
    cells = {page.viewer: page.cell for page in read_pages(harbor.engine, since=None, until=None)}
    assert set(cells.values()) == {None, "warm/control", "warm/fixed"}
    for viewer, cell in cells.items():
        found = dealt(viewer, running)
        assert cell == (None if found is None else f"warm/{found[1].name}")

    end_experiment(harbor.engine, experiment="warm", order=order())
    harbor.services.refresh()
    assert {harbor.select(viewer=viewer)["policy"] for viewer in VIEWERS} == {"uniform"}


def test_what_did_not_pass_the_gate_is_in_no_cell_without_force(ready: Installation, learned: Learned) -> None:
    version = learned.manifest.version
    name = create(ready, "control=live", f"new={version}", share=1.0)
    begin(ready, name)
    assert {ready.select("harbor", viewer=viewer)["policy"] for viewer in VIEWERS} == {"uniform", version}
    with reading(ready.engine) as connection:
        forecasts = find_experiment(connection, name).forecasts
    assert list(forecasts) == [version]


def test_a_cell_names_a_version_that_exists(harbor: Installation) -> None:
    with pytest.raises(UnknownVersion):
        create(harbor, "control=live", "b=squarecb-000000000000")


@pytest.mark.parametrize("written", ["control", "a=", "=b", "a=b:c", "a=b:1:2"])
def test_cells_that_are_written_otherwise_are_refused(written: str) -> None:
    with pytest.raises(BadInput, match="is no cell"):
        cells_from([written])


def test_an_experiment_runs_once(harbor: Installation) -> None:
    name = create(harbor, "control=live", "b=default")
    begin(harbor, name)
    with pytest.raises(Conflict, match="once only"):
        begin(harbor, name)
