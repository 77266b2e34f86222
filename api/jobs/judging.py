"""The job that tells how artworks do: the verdict on each, how many decisions until one, and whether it baits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import Engine

from api.jobs.joining import join_rewards
from api.jobs.trusted import TrustedRows, read_trust
from api.settings import Settings
from api.storage.catalog import changed_since
from api.storage.database import reading
from api.storage.pages import page_id_at
from api.storage.rewards import valued_decisions
from artwork.catalog import ArtworkId, ArtworkState, TitleId
from bandit.bait import BaitReport, bait_reports
from bandit.comparison import ArtworkSums, Shown
from bandit.decision import IMAGE_KEY_DIGITS, Reason
from bandit.ope.batch import viewer_keys
from bandit.rewards import TAKE, WATCH_SHARE, ValuedDecision
from bandit.verdicts import ArtworkVerdict, VerdictRules, artwork_verdicts

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class ArtworkReport:
    """What is told of one artwork."""

    verdict: ArtworkVerdict
    bait: BaitReport


@dataclass(frozen=True, slots=True)
class Judged:
    """The reports by title and artwork; `rows` were read, `skipped` of them lack a reward that the bait index needs."""

    reports: tuple[ArtworkReport, ...]
    reward: str
    rows: int
    skipped: int

    @property
    def baits(self) -> tuple[BaitReport, ...]:
        """The artworks in alarm."""
        return tuple(each.bait for each in self.reports if each.bait.alarm)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON; numbers that nobody can tell are null."""
        artworks = [{**asdict(each.verdict), "bait": _bait(each.bait)} for each in self.reports]
        return {"reward": self.reward, "rows": self.rows, "skipped": self.skipped, "artworks": artworks}


def _bait(report: BaitReport) -> dict[str, Any]:
    told = asdict(report)
    return {name: told[name] for name in ("index", "low", "high", "starts", "completion", "alarm")}


def artwork_reports(
    engine: Engine, *, settings: Settings, title: TitleId | None = None, days: int | None = None
) -> Judged:
    """Judge the active artworks of all titles (or of one) by the decisions of the last `days` (or ever).

    Rewards that are due are joined first. Only final rewards count, and only decisions that a policy drew.

    Raises:
        StorageUnavailable: the database is down.
    """
    now = datetime.now(UTC)
    while join_rewards(engine, windows=settings.windows, now=now):
        pass
    since = None if days is None else page_id_at(now - timedelta(days=days))
    log = ArtworkLog(settings.reward)
    decisions = valued_decisions(engine, definition=settings.reward, since=since)
    trusted = TrustedRows(decisions, read_trust(engine, caps=settings.caps))
    sums = log.read(trusted, title=title)
    shown = _active_images(engine)
    verdicts = artwork_verdicts(sums, rules=verdict_rules(settings), among=shown)
    baits = bait_reports(sums, among=shown)
    reports = tuple(ArtworkReport(*pair) for pair in zip(verdicts, baits, strict=True))
    return Judged(reports, settings.reward, log.rows, log.skipped)


def verdict_rules(settings: Settings) -> VerdictRules:
    """When a verdict is given in this installation, and when exploring ends without one."""
    return VerdictRules(margin=settings.verdict_margin, budget=settings.exploration_budget)


@dataclass
class ArtworkLog:
    """Reads decisions into sums under one reward, some thousand at a time, and counts them."""

    reward: str
    rows: int = 0
    skipped: int = 0

    def read(self, decisions: Iterable[ValuedDecision], *, title: TitleId | None = None) -> ArtworkSums:
        """Return the sums of those that a policy drew, of one title or of all. Raises InvalidExample on a bad row."""
        sums = ArtworkSums()
        drawn = self._drawn(decisions, title)
        while part := list(islice(drawn, _ROWS_AT_ONCE)):
            for group in _alike(part).values():
                sums.add(self._shown(group))
        return sums

    def _drawn(self, decisions: Iterable[ValuedDecision], title: TitleId | None) -> Iterator[ValuedDecision]:
        for row in decisions:
            if row.decision.reason is Reason.POLICY and title in (None, row.decision.title):
                self.rows += 1
                if row.values.keys() >= {TAKE, WATCH_SHARE}:
                    yield row
                else:
                    self.skipped += 1

    def _shown(self, rows: list[ValuedDecision]) -> Shown:
        first = rows[0].decision
        return Shown(
            title=first.title,
            artworks=first.artworks,
            images=first.images,
            probabilities=np.array([row.decision.probabilities for row in rows]),
            chosen=np.array([row.decision.chosen for row in rows], dtype=np.int64),
            viewers=viewer_keys([row.page.viewer for row in rows]),
            worth=np.array([[row.values[self.reward], row.values[TAKE], row.values[WATCH_SHARE]] for row in rows]),
        )


_Alike = tuple[TitleId, tuple[ArtworkId, ...], tuple[str, ...]]


def _alike(rows: Iterable[ValuedDecision]) -> Mapping[_Alike, list[ValuedDecision]]:
    """The rows that had the same title with the same eligible artworks."""
    groups: dict[_Alike, list[ValuedDecision]] = {}
    for row in rows:
        slot = row.decision
        groups.setdefault((slot.title, slot.artworks, slot.images), []).append(row)
    return groups


def _active_images(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        artworks = changed_since(connection, 0).artworks
    active = (each.image for each in artworks if each.state is ArtworkState.ACTIVE)
    return {image[:IMAGE_KEY_DIGITS] for image in active if image is not None}
