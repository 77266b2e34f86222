"""What servers say of the shadow that they ask: one row a server, summed for who judges. Judges nothing."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from api.storage.columns import upsert
from api.storage.watch_tables import shadow_reports
from bandit.shadowing import ShadowFigures

LIVES_FOR = timedelta(minutes=1)
"""A server that cannot load a shadow says so again and again; one that was silent for so long is gone, or could."""


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a server counted since the `deployment` of this number; `figures.unable` is 1 where it cannot load it."""

    deployment: int
    server: str
    figures: ShadowFigures
    told_at: datetime


def put_shadow_report(connection: Connection, report: ShadowReport) -> None:
    """Keep what a server says, over what it said before; reports on earlier shadows are of no more use."""
    row = asdict(report.figures) | {"deployment": report.deployment, "server": report.server}
    row |= {"told_at": report.told_at}
    connection.execute(delete(shadow_reports).where(shadow_reports.c.deployment < report.deployment))
    upsert(connection, shadow_reports, [row])


def read_shadow_reports(connection: Connection, deployment: int) -> list[ShadowReport]:
    """Return what all servers said of the shadow of a deployment."""
    rows = connection.execute(select(shadow_reports).where(shadow_reports.c.deployment == deployment)).mappings()
    return [
        ShadowReport(
            row["deployment"],
            row["server"],
            ShadowFigures(**{name: row[name] for name in ShadowFigures.__slots__}),
            row["told_at"],
        )
        for row in rows
    ]


def total_of(reports: Iterable[ShadowReport]) -> ShadowFigures:
    """Sum what servers said; of those that cannot load it only the ones that were heard of lately count."""
    reports = [*reports]
    newest = max((each.told_at for each in reports), default=None)
    found = ShadowFigures()
    for each in sorted(reports, key=lambda report: report.told_at):
        silent = newest is not None and newest - each.told_at > LIVES_FOR
        found += replace(each.figures, unable=0) if silent else each.figures
    return found
