"""Who counts: caps a viewer and day, robots and internal traffic passed over in learning and evaluation, never lost."""

from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow.parquet as pq
import pytest

from api.jobs.evaluating import OwnOrder, evaluate_own
from api.jobs.exporting import export_log
from api.jobs.learning import learn_version
from api.jobs.trusted import Measure, Trust, TrustedRows
from api.storage.exclusions import Exclusions
from api.storage.pages import page_id_at
from artwork.catalog import ArtworkId, TitleId
from bandit.caps import Caps
from bandit.context import RequestContext
from bandit.decision import Page, PolicyVersionId, RewardedDecision, Slot
from foundation.events import ViewerId
from tests.api.cli.command import Command
from tests.api.installation import Installation, settings_in
from tests.api.learned import TITLES, VIEWERS, Learned, name_of

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ONE, OTHER = ViewerId("1" * 32), ViewerId("2" * 32)
CAPS = Caps(rows=5, title_rows=3)
UNIFORM = PolicyVersionId("uniform")


@pytest.fixture
def rows() -> list[RewardedDecision]:
    """Six rows of one viewer and two of another, every third hour of two days."""
    return [
        RewardedDecision(a_page(DAY + timedelta(hours=3 * number), OTHER if number % 4 == 3 else ONE), 0, number % 2)
        for number in range(16)
    ]


def a_page(at: datetime, viewer: ViewerId, *, title: str = "harbor") -> Page:
    slot = Slot(
        title=TitleId(title), artworks=(ArtworkId("a"),), images=("i",), probabilities=(1.0,), chosen=0, position=0
    )
    return Page(
        page=page_id_at(at),
        viewer=viewer,
        at=at,
        request=RequestContext(at=at),
        policy=UNIFORM,
        policy_digest="d",
        embedding_version="fake",
        foundation_version=None,
        viewer_vector=None,
        salt="keyart",
        window=1,
        slots=(slot,),
    )


def test_a_viewers_first_rows_of_each_day_count(rows: list[RewardedDecision]) -> None:
    trusted = TrustedRows(rows, Trust(exclusions=Exclusions(), caps=Caps(rows=2)))
    kept = [*trusted]
    assert [rows.index(row) for row in kept] == [0, 1, 3, 7, 8, 9, 11, 15]
    assert (trusted.capped, trusted.excluded) == (8, 0)


def test_a_viewers_first_rows_of_each_title_count() -> None:
    pages = [
        a_page(DAY + timedelta(minutes=number), ONE, title="harbor" if number < 5 else "comet") for number in range(12)
    ]
    trusted = TrustedRows([RewardedDecision(page, 0, 1.0) for page in pages], Trust(exclusions=Exclusions(), caps=CAPS))
    assert [pages.index(row.page) for row in trusted] == [0, 1, 2, 5, 6], "what is over a title's cap takes no place"
    assert trusted.capped == 7


def test_the_left_out_take_no_place_under_the_cap(rows: list[RewardedDecision]) -> None:
    left_out = Exclusions({OTHER: "internal"}, {(ONE, DAY.date()): "pages"})
    trusted = TrustedRows(rows, Trust(exclusions=left_out, caps=Caps(rows=100)))
    assert [rows.index(row) for row in trusted] == [8, 9, 10, 12, 13, 14]
    assert (trusted.capped, trusted.excluded) == (0, 10)


def test_rows_beyond_the_cap_are_neither_learned_from_nor_evaluated_on_and_stay_in_the_log(
    ready: Installation, learned: Learned
) -> None:
    everything = learned.manifest.rows + learned.manifest.held_out
    capped = settings_in(ready.home, viewer_rows_a_day=2)
    fewer = learn_version(ready.engine, ready.blobs, settings=capped)
    assert fewer.manifest.rows + fewer.manifest.held_out == 2 * VIEWERS
    assert fewer.capped == everything - 2 * VIEWERS
    valued = evaluate_own(ready.engine, ready.blobs, OwnOrder(target=UNIFORM, measure=Measure(caps=Caps(rows=2))))
    assert valued.evaluation.rows == 2 * VIEWERS
    assert export_log(ready.engine, ready.home / "exports").rows == everything


def test_an_excluded_viewer_stays_in_the_export_with_the_reason(
    ready: Installation, learned: Learned, capsys: pytest.CaptureFixture[str]
) -> None:
    keyart = Command(capsys)
    everything = learned.manifest.rows + learned.manifest.held_out
    viewer = name_of(4)
    told = keyart("viewer", "exclude", viewer, "--reason", "monitoring", "--home", ready.home, "--json").json()
    assert told == {"excluded": True, "reason": "monitoring"}
    own = 3 * len(TITLES)
    fewer = learn_version(ready.engine, ready.blobs, settings=ready.settings)
    assert (fewer.excluded, fewer.manifest.rows + fewer.manifest.held_out) == (own, everything - own)
    assert evaluate_own(ready.engine, ready.blobs, OwnOrder(target=UNIFORM)).evaluation.rows == everything - own
    exported = export_log(ready.engine, ready.home / "exports")
    column = [each for path in exported.files for each in pq.read_table(path)["excluded"].to_pylist()]
    assert (len(column), column.count("monitoring"), column.count(None)) == (everything, own, everything - own)
    keyart("viewer", "include", viewer, "--home", ready.home)
    again = learn_version(ready.engine, ready.blobs, settings=ready.settings).manifest
    assert again.digest == learned.manifest.digest
    assert msgspec.json.decode(again.to_json())["rows"] == learned.manifest.rows
