"""What must hold after a fault that one kind of caller lived through, and its figure."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from api.storage.database import open_engine
from tests.api.installation import settings_in
from tests.faults.checks import assert_accounted_for
from tests.faults.figures import Figure, Record
from tests.faults.traffic import Traffic, View


def assert_held(traffic: Traffic, home: Path, *, name: str, runs: int, figure: Record) -> None:
    """Compare the caller's book with the embedded database of a home; see `assert_held_in`."""
    engine = open_engine(settings_in(home).database_url)
    try:
        assert_held_in(engine, traffic, name=name, runs=runs, figure=figure)
    finally:
        engine.dispose()


def assert_held_in(engine: Engine, traffic: Traffic, *, name: str, runs: int, figure: Record) -> None:
    """Nothing that was acknowledged is missing, every page rendered, and the database is whole."""
    lost = traffic.book.lost(engine)
    figure(
        Figure(
            name=name,
            runs=runs,
            acknowledged=traffic.book.acknowledged(),
            lost=len(lost),
            pages=len(traffic.views),
            pages_in_budget=traffic.pages_in_budget(),
        )
    )
    assert not lost, f"lost: {lost[:5]}"
    assert not traffic.book.mistakes, traffic.book.mistakes[:5]
    assert not traffic.book.rejected, traffic.book.rejected[:5]
    assert not traffic.unrendered(), traffic.unrendered()[:5]
    assert_accounted_for(engine)


def unlogged(views: Sequence[View]) -> int:
    """How many pages were shown without being in the log."""
    return sum(view.rendered and not view.logged for view in views)
