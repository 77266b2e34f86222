"""A trained version as plain matrices: a page is a few array operations. Knows no engine, no learner and no log.

States what its learner's own model would (docs/choice.md has the numbers) at a fraction of the time, with no lock.
Sums run in a fixed order in float64, so a slot gets the same probabilities alone, inside any page and inside any batch
of pages, to the last bit.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import ArtworkId, ImageHash
from bandit.context import Candidate, Context, RequestContext
from bandit.decision import PolicyVersionId
from bandit.encoding import FeatureSpace
from bandit.errors import InvalidExample
from bandit.exploration import Exploration
from bandit.kernels import Blocks, Questions, predicted_costs, stated_slots, warm
from bandit.policies.blocks import BlockStore
from bandit.policies.policy import Probabilities, ScoredPolicy
from bandit.policies.slots import Slots, Stated
from bandit.policies.weights import Weights
from bandit.sampling import in_asked_order
from bandit.slate import Slate, SlateMemory


class CompiledPolicy(ScoredPolicy):
    """SquareCB over exported weights. Safe to share between threads; remembers a block of numbers a slate it met.

    `space` and `weights` are what it was made of: to read, never to change.
    """

    def __init__(
        self, space: FeatureSpace, weights: Weights, *, version: PolicyVersionId, digest: str, exploration: Exploration
    ) -> None:
        """Take the weights; the kernels are compiled here, so that no request waits for them."""
        self.version = version
        self.digest = digest
        self.embedding_version = space.embedding_version
        self.foundation_version = space.foundation_version
        self.intent_version = space.intent_version
        self.floor = exploration.epsilon
        self.space = space
        self.weights = weights
        self._crossed = np.array(weights.crossed, dtype=np.float64, order="C")
        slot_weights = self._crossed[[*space.slot_columns.values()]]
        self._blocks = BlockStore(space, weights, exploration=exploration, slot_weights=slot_weights)
        self._lists = SlateMemory()
        warm(self._decide_once)

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`. Raises InvalidExample or InvalidProjection on vectors that do not fit."""
        return self.page([(context, artworks)])[0]

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """See `Policy.page`; takes the slots of many pages as well. Quickest with a `Slate` for each title."""
        if not slots:
            return []
        contexts, asked = zip(*slots, strict=True)
        if {*map(type, asked)} == {Slate}:
            return self._state(_in_arrays(contexts, asked)).slots()
        return _as_asked(asked, self._state(_in_arrays(contexts, self._slates(asked))))

    def page_costs(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[NDArray[np.float64]]:
        """See `ScoredPolicy.page_costs`."""
        if not slots:
            return []
        contexts, asked = zip(*slots, strict=True)
        return _as_asked(asked, self.costs(_in_arrays(contexts, self._slates(asked))))

    def state(self, slots: Slots) -> Stated:
        """See `Policy.state`."""
        return self._state(_checked(slots))

    def costs(self, slots: Slots) -> Stated:
        """Return the predicted costs that `state` explores over, laid out in the same way. Raises as `state` does."""
        questions, blocks = self._questions(_checked(slots))
        flat, bounds = predicted_costs(questions, blocks, self._crossed)
        return Stated(flat=flat, bounds=bounds)

    def own_terms(self, slate: Slate) -> NDArray[np.float64]:
        """Return what each artwork of a slate counts by its own weight, (K,), as part of its cost."""
        return self._blocks.own(slate)[0]

    def remember(self, slates: Sequence[Slate]) -> None:
        """Make the blocks of `slates` now, so that the first request that asks for them need not. Raises as `state`."""
        self._blocks.look_up(slates)

    def _slates(self, asked: Sequence[Sequence[Candidate]]) -> list[Slate]:
        return [each if isinstance(each, Slate) else self._lists.slate_of(each) for each in asked]

    def _state(self, slots: Slots) -> Stated:
        questions, blocks = self._questions(slots)
        flat, bounds = stated_slots(questions, blocks, self._crossed, self.floor)
        return Stated(flat=flat, bounds=bounds)

    def _questions(self, slots: Slots) -> tuple[Questions, Blocks]:
        places, blocks = self._blocks.look_up(slots.slates)
        rows = self.space.request_rows(slots.requests)
        return (rows, slots.request_of, self.space.slot_numbers(slots.positions, slots.scores), places), blocks

    def _decide_once(self) -> None:
        """Decide a slot of the average artwork for the average viewer: every kernel is compiled by that."""
        viewers, intents = self.space.viewers, self.space.intents
        context = Context(
            request=RequestContext(at=datetime(1970, 1, 1, tzinfo=UTC)),
            viewer_vector=viewers.mean if viewers else None,
            intent_vector=intents.mean if intents else None,
        )
        average = Candidate(artwork=ArtworkId(""), image=ImageHash(""), vector=self.space.artworks.mean)
        slots = _in_arrays([context], [Slate([average])])
        self.state(slots)
        self.costs(slots)


def _checked(slots: Slots) -> Slots:
    count = len(slots.slates)
    if not len(slots.request_of) == len(slots.positions) == len(slots.scores) == count:
        raise InvalidExample(f"{count} slates need as many positions, scores and numbers of requests")
    request_of = np.array(slots.request_of, dtype=np.int64)
    if count and not 0 <= request_of.min() <= request_of.max() < len(slots.requests):
        raise InvalidExample(f"a slot belongs to a request that is none of the {len(slots.requests)}; count from 0")
    return replace(slots, request_of=request_of)


def _in_arrays(contexts: Sequence[Context], slates: Sequence[Slate]) -> Slots:
    requests, request_of = _requests_of(contexts)
    return Slots(
        requests=requests,
        request_of=request_of,
        positions=np.array([context.position for context in contexts], dtype=np.float64),
        scores=np.array([context.score or 0.0 for context in contexts]),
        slates=slates,
    )


def _requests_of(contexts: Sequence[Context]) -> tuple[list[Context], NDArray[np.int64]]:
    """Neighbours that share request and vectors, as the slots of a page do, are one request.

    `bandit.encoding.same_request`, spelled out: a call for each slot is some microseconds a page.
    """
    first, requests = contexts[0], [contexts[0]]
    request, viewer, intent = first.request, first.viewer_vector, first.intent_vector
    request_of: list[int] = []
    number = 0
    for context in contexts:
        if not (context.request is request and context.viewer_vector is viewer and context.intent_vector is intent):
            request, viewer, intent = context.request, context.viewer_vector, context.intent_vector
            requests.append(context)
            number += 1
        request_of.append(number)
    return requests, np.array(request_of, dtype=np.int64)


def _as_asked(asked: Sequence[Sequence[Candidate]], stated: Stated) -> list[NDArray[np.float64]]:
    pairs = zip(asked, stated.slots(), strict=True)
    return [own if isinstance(each, Slate) else in_asked_order(each, own) for each, own in pairs]
