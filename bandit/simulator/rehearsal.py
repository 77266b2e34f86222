"""A World as a policy meets it: viewers and artworks known through vectors only, decisions as rows of a log.

Knows the World's truth only to draw responses and to value what was stated; knows no learner and no storage.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np

from artwork.catalog import ArtworkId, ImageHash, TitleId
from bandit.context import Candidate, Context, Picture, RequestContext, Vector
from bandit.decision import IMAGE_KEY_DIGITS, Page, PageId, RewardedDecision, Slot
from bandit.policies.policy import Policy
from bandit.simulator.conditions import Conditions
from bandit.simulator.play import PlayedLog, play_slots
from bandit.simulator.slots import Slots, plan
from bandit.simulator.world import Floats, InvalidWorld, World
from bandit.simulator.yardsticks import oracle_in, uniform_in, value_on
from bandit.slate import Slate
from foundation.events import ViewerId

EMBEDDING_VERSION, FOUNDATION_VERSION = "rehearsed-pictures", "rehearsed-viewers"
START, DURATION = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=28)
"""When a play begins, time 0, and how long it lasts until time 1."""

DEVICES = ("tv", "phone")
VALUED_SLOTS = 3000
_SLOTS_A_CALL = 2048
_PLAN, _VALUE = range(2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rehearsal:
    """A World, and what a policy may know of it: made by `bandit.simulator.sight`, or from vectors of one's own.

    `viewers` (viewers, d) are the viewers' vectors, `pictures` what is known of each title's artworks, in the World's
    order; both are what they were at time 0, however tastes move. `seed` draws who comes when.

    Raises:
        InvalidWorld: there is not one vector a viewer, or not one picture an artwork.
    """

    world: World
    viewers: Vector
    pictures: Sequence[Sequence[Picture]]
    conditions: Conditions = field(default_factory=Conditions)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.viewers.ndim != 2 or len(self.viewers) != self.world.viewer_count:
            raise InvalidWorld(f"{self.viewers.shape} are no vectors of {self.world.viewer_count} viewers: give (n, d)")
        if [len(own) for own in self.pictures] != self.world.counts.tolist():
            raise InvalidWorld("give one picture for every artwork of every title, in the World's order")

    @cached_property
    def candidates(self) -> list[list[Candidate]]:
        """Every artwork that a title will ever have, by title; the first that is born at 0 is its default."""
        defaults = (self.world.born <= 0).argmax(axis=1)
        return [
            [_candidate(title, place, picture, default=place == defaults[title]) for place, picture in enumerate(own)]
            for title, own in enumerate(self.pictures)
        ]

    @cached_property
    def known_pictures(self) -> dict[str, Picture]:
        """Every picture by its image key, as `bandit.learning.learn` takes them."""
        return {
            candidate.image[:IMAGE_KEY_DIGITS]: picture
            for candidates, own in zip(self.candidates, self.pictures, strict=True)
            for candidate, picture in zip(candidates, own, strict=True)
        }

    def plan(self, decisions: int) -> Slots:
        """The slots of the play, the same at every call: at least `decisions`, evenly over the time from 0 to 1."""
        rng = np.random.default_rng([self.seed, _PLAN])
        return plan(self.world, rng=rng, decisions=decisions, conditions=self.conditions)

    def play(self, policy: Policy, slots: Slots, *, rng: np.random.Generator) -> PlayedLog:
        """Let `policy` decide the slots, and their viewers respond."""
        return play_slots(
            self.world, lambda some: self.stated(policy, some), rng=rng, slots=slots, conditions=self.conditions
        )

    def stated(self, policy: Policy, slots: Slots) -> Floats:
        """What a policy states for n slots when it is asked for many at once: (n, artwork_count)."""
        table = np.zeros((len(slots), self.world.artwork_count))
        eligible = self.world.eligible(slots.titles, at=slots.at)
        for start in range(0, len(slots), _SLOTS_A_CALL):
            rows = slice(start, start + _SLOTS_A_CALL)
            table[rows][eligible[rows]] = np.concatenate(policy.page(self._asked(slots.select(rows))))
        return table

    def gap(self, policy: Policy, *, at: float = 1.0) -> tuple[float, float]:
        """The share of the way from uniform to the oracle that a policy goes at a time, and its smallest probability.

        Valued exactly, on a few thousand slots that are the same for every policy and were never played.
        """
        rng = np.random.default_rng([self.seed, _VALUE])
        slots = plan(self.world, rng=rng, decisions=VALUED_SLOTS, conditions=self.conditions).moved_to(at)
        stated = self.stated(policy, slots)
        uniform, oracle = (
            value_on(self.world, known, slots) for known in (uniform_in(self.world), oracle_in(self.world))
        )
        value = value_on(self.world, lambda _: stated, slots)
        smallest = stated[self.world.eligible(slots.titles, at=at)].min()
        return (value - uniform) / (oracle - uniform), float(smallest)

    def decisions(self, log: PlayedLog, policy: Policy) -> list[tuple[Page, int]]:
        """The log as frozen pages that `policy` decided: for each of its n rows, in order, the page and the slot there.

        Draws are the play's own, so `bandit.rows.redraw` does not repeat them.
        """
        starts: list[int] = np.flatnonzero(np.diff(log.slots.pages, prepend=-1, append=-1)).tolist()
        slots = self._logged_slots(log)
        pages = [
            self._page(log.slots, start, policy=policy, decided=tuple(slots[start:stop]))
            for start, stop in pairwise(starts)
        ]
        return [(page, slot) for page in pages for slot in range(len(page.slots))]

    def rows(self, log: PlayedLog, policy: Policy, *, now: float = np.inf) -> list[RewardedDecision]:
        """The rows that can be learned from at a time: decisions that were seen, with the rewards that are known."""
        return rewarded(log, self.decisions(log, policy), now=now)

    def _asked(self, slots: Slots) -> list[tuple[Context, Slate]]:
        requests = _requests(slots)
        viewers: list[int] = slots.viewers.tolist()
        positions: list[int] = slots.positions.tolist()
        pages: list[int] = slots.pages.tolist()
        return [
            (
                Context(
                    request=requests[pages[row]],
                    viewer_vector=self._viewer_vectors[viewers[row]],
                    position=positions[row],
                    title=own.title,
                ),
                own.candidates,
            )
            for row, own in enumerate(self._eligible(slots))
        ]

    def _logged_slots(self, log: PlayedLog) -> list[Slot]:
        chosen: list[int] = log.chosen.tolist()
        positions: list[int] = log.slots.positions.tolist()
        return [
            Slot(
                title=own.title,
                artworks=own.artworks,
                images=own.images,
                probabilities=tuple(log.logged[row, own.columns].tolist()),
                chosen=own.columns.index(chosen[row]),
                position=positions[row],
            )
            for row, own in enumerate(self._eligible(log.slots))
        ]

    def _page(self, slots: Slots, row: int, *, policy: Policy, decided: tuple[Slot, ...]) -> Page:
        number, viewer = int(slots.pages[row]), int(slots.viewers[row])
        request = _request(number, float(slots.at[row]))
        return Page(
            page=PageId(f"{number:032x}"),
            viewer=ViewerId(f"{viewer:032x}"),
            at=request.at,
            request=request,
            policy=policy.version,
            policy_digest=policy.digest,
            embedding_version=EMBEDDING_VERSION,
            foundation_version=FOUNDATION_VERSION,
            viewer_vector=self.viewers[viewer].astype("<f4").tobytes(),
            salt="rehearsal",
            window=number,
            slots=decided,
        )

    def _eligible(self, slots: Slots) -> list["_Eligible"]:
        """What each slot's title has at the time: one lasting slate a list, which policies remember."""
        births = np.unique(self.world.born)
        phases = births.searchsorted(slots.at, side="right")
        wanted: list[tuple[int, int]] = np.stack([slots.titles, phases], axis=1).tolist()
        found = self._met
        for title, phase in set(map(tuple, wanted)) - found.keys():
            columns: list[int] = np.flatnonzero(self.world.born[title] <= births[phase - 1]).tolist()
            found[title, phase] = _Eligible.of(title, columns, self.candidates[title])
        return [found[title, phase] for title, phase in wanted]

    @cached_property
    def _met(self) -> dict[tuple[int, int], "_Eligible"]:
        return {}

    @cached_property
    def _viewer_vectors(self) -> list[Vector]:
        # One lasting object a viewer: slots of a page then share it, and a policy encodes it once.
        return list(self.viewers)


def rewarded(log: PlayedLog, decisions: Sequence[tuple[Page, int]], *, now: float = np.inf) -> list[RewardedDecision]:
    """Join the log's n decisions, as `Rehearsal.decisions` gave them, with what is known of them at a time.

    Slots that were not seen are no rows; a play that is not reported yet is worth 0 for now.
    """
    kept = np.flatnonzero(log.seen & (log.slots.at <= now)).tolist()
    rewards = log.observed(now=now).responses.rewards.tolist()
    return [RewardedDecision(*decisions[row], reward) for row, reward in zip(kept, rewards, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Eligible:
    """The artworks that a title has between two births; `columns` are their places in the World."""

    title: TitleId
    candidates: Slate
    artworks: tuple[ArtworkId, ...]
    images: tuple[str, ...]
    columns: list[int]

    @classmethod
    def of(cls, title: int, columns: list[int], candidates: Sequence[Candidate]) -> "_Eligible":
        own = [candidates[column] for column in columns]
        return cls(
            title_id(title),
            Slate(own),
            tuple(each.artwork for each in own),
            tuple(each.image[:IMAGE_KEY_DIGITS] for each in own),
            columns,
        )


def title_id(title: int) -> TitleId:
    """What pages call a title of the World."""
    return TitleId(f"t{title:04d}")


def _candidate(title: int, place: int, picture: Picture, *, default: bool) -> Candidate:
    return Candidate(
        # With leading zeros the canonical order of ids is the World's.
        artwork=ArtworkId(f"a{place:04d}"),
        image=ImageHash(hashlib.sha256(f"{title}/{place}".encode()).hexdigest()),
        vector=picture.vector,
        labels=picture.labels,
        measures=picture.measures,
        default=default,
    )


def _requests(slots: Slots) -> dict[int, RequestContext]:
    """One request a page, by its number."""
    pages, first = np.unique(slots.pages, return_index=True)
    return {page: _request(page, at) for page, at in zip(pages.tolist(), slots.at[first].tolist(), strict=True)}


def _request(page: int, at: float) -> RequestContext:
    return RequestContext(at=START + at * DURATION, device=DEVICES[page % len(DEVICES)])
