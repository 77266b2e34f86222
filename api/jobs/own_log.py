"""This installation's log as batches, scored by what a word names: a version, a rule, most played. Values nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from api.dependencies.versions import load_version
from api.jobs.learning import VisibleRows, pictures_in
from api.jobs.reencoding import Reencoder
from api.jobs.target_words import guarded, stated_target
from api.jobs.trusted import Measure, TrustedRows, read_trust
from api.storage.blobs import BlobStore
from api.storage.catalog import changed_since
from api.storage.database import reading
from api.storage.pages import page_id_at
from api.storage.policies import BUILT_IN, find_policy_version
from api.storage.rewards import rewarded_decisions
from artwork.catalog import ArtworkId, TitleId
from bandit.context import Picture
from bandit.decision import PolicyVersionId, RewardedDecision
from bandit.harvest import is_held_out
from bandit.ope.batch import Batch
from bandit.ope.describing import Describing
from bandit.ope.scoring import Pictures, Shelf
from bandit.ope.targets.target import LearnedTarget, StatedTarget
from bandit.policies.most_played import NAME as MOST_PLAYED
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from bandit.registry import Manifest, manifest_from_json


class Scorer:
    """A target over the log: which rows it never learned from, and what it would have stated for them."""

    def __init__(
        self, engine: Engine, blobs: BlobStore, word: str, *, guards: Path | None = None, alike: bool = False
    ) -> None:
        """Load what `word` names; `guards` is a file that acts on it.

        With `alike` the batches of a version that looks at pictures tell how alike they are.

        Raises:
            UnknownVersion: there is no such version.
            DamagedFile, MissingFile, Conflict: it cannot be loaded whole.
            BadInput, InvalidExample: a file cannot be read, or what it says cannot be kept.
        """
        self.engine, self._blobs, self._alike = engine, blobs, alike
        stated = stated_target(word)
        version = PolicyVersionId(word)
        self._policy: Policy = UniformPolicy() if stated else load_version(engine, blobs, version)
        self._manifest = None if stated else _manifest(engine, version)
        self._learned = stated if isinstance(stated, LearnedTarget) else None
        self._target = guarded(stated or StatedTarget(), guards) if stated or guards else None
        self._defaults = {} if self._manifest else _defaults(engine)
        self.pictures: Mapping[str, Picture] | None = None
        if self._manifest:
            self.pictures = pictures_in(engine, self._manifest.embedding_version)

    @property
    def tells_likeness(self) -> bool:
        """Whether its batches tell how alike pictures are."""
        return self._alike and self.pictures is not None

    @property
    def rows_said(self) -> str:
        """Which rows it is valued on, in words."""
        return _said_of(self._manifest)

    def unseen(self, rows: Iterable[RewardedDecision]) -> Iterable[RewardedDecision]:
        """The rows that it did not learn from."""
        return rows if self._manifest is None else _not_learned_from(rows, self._manifest)

    def learn(self, rows: Callable[[], Iterable[RewardedDecision]]) -> None:
        """Learn from the log what must be learned before anything can be stated: each row by other viewers."""
        if self._learned is not None:
            for batch in self._scored(rows(), Describing()):
                self._learned.add(batch)
            self._learned.finish()

    def batches(self, rows: Iterable[RewardedDecision], *, describing: Describing | None = None) -> Iterator[Batch]:
        """The rows with its probabilities, with viewers' vectors in its own foundation version."""
        scored = self._scored(rows, describing or Describing())
        return scored if self._target is None else map(self._target.restate, scored)

    def _scored(self, rows: Iterable[RewardedDecision], describing: Describing) -> Iterator[Batch]:
        return self._shelf.batches(
            rows if self._reencoder is None else self._reencoder.rows(rows), describing=describing
        )

    @cached_property
    def _reencoder(self) -> Reencoder | None:
        version = self._policy.foundation_version
        return None if version is None else Reencoder(self.engine, self._blobs, version=version)

    @cached_property
    def _shelf(self) -> Shelf:
        pictures = Pictures(images=self.pictures or {}, defaults=self._defaults, alike=self.tells_likeness)
        return Shelf(self._policy, pictures)


def visible_rows(
    own: Scorer, other: Scorer | None, measure: Measure, *, since: datetime | None = None
) -> tuple[VisibleRows, ...]:
    """The rows that `own` is valued on, in the last of the tuple; each of it counts what it left out.

    They were decided after `since`, are trusted, `own` never learned from them, and both know every picture of them.
    """
    began = None if since is None else page_id_at(since)
    logged = rewarded_decisions(own.engine, definition=measure.reward, since=began)
    trusted = TrustedRows(logged, read_trust(own.engine, caps=measure.caps))
    rows = VisibleRows(own.unseen(trusted), own.pictures)
    return (rows,) if other is None else (rows, VisibleRows(rows, other.pictures))


def _manifest(engine: Engine, version: PolicyVersionId) -> Manifest | None:
    """The manifest of a learned version, None for a built-in one and for counts of plays."""
    if version in BUILT_IN or version.startswith(MOST_PLAYED):
        return None
    with reading(engine) as connection:
        return manifest_from_json(msgspec.json.encode(find_policy_version(connection, version).manifest))


def _said_of(held: Manifest | None) -> str:
    if held is None:
        return "every rewarded decision"
    return f"the {held.holdout.share:.0%} of viewers held out from learning, and all later rows"


def _defaults(engine: Engine) -> dict[TitleId, ArtworkId]:
    with reading(engine) as connection:
        return {each.title: each.artwork for each in changed_since(connection, 0).artworks if each.default}


def _not_learned_from(rows: Iterable[RewardedDecision], manifest: Manifest) -> Iterator[RewardedDecision]:
    for row in rows:
        later = manifest.watermark is not None and row.page.page > manifest.watermark
        if later or is_held_out(row.page.viewer, manifest.holdout):
            yield row
