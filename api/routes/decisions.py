"""GET /v1/decisions/{decision}: the whole record of one decision, with its outcomes and rewards."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from api.dependencies.explaining import explanation_of, reason_of
from api.dependencies.requests import ServicesDep
from api.errors import ForgedDecision, UnknownDecision
from api.routes.tags import ReadersTag, tagged
from api.routes.wire import Wire
from api.storage.database import reading
from api.storage.outcomes import outcomes_of
from api.storage.pages import find_page
from api.storage.rewards import rewards_of
from bandit.decision import Outcome, Page, Reward
from bandit.explanation import Explanation

router = APIRouter(tags=["serving"])


class EligibleAnswer(Wire):
    """One artwork that could have been shown; `image` is the first 16 digits of its image's SHA-256.

    `bounds` are the least and the greatest probability that guards allowed it, null where they said nothing.
    """

    artwork: str
    image: str
    probability: float
    bounds: tuple[float, float] | None = None


class ExplanationAnswer(Wire):
    """What the prediction that the artwork would do better than the default one (`other`) was made of.

    `contributions` by feature sum to `advantage`; positive numbers speak for the artwork that was drawn. `reward` and
    `other_reward` are the predicted rewards.
    """

    other: str
    advantage: float
    reward: float
    other_reward: float
    contributions: dict[str, float]


class DecisionAnswer(Wire):
    """Everything that the draw depended on (C6): with the policy version it can be computed again, bit for bit.

    `rung` is the step of the fall-back ladder that decided; `kept` the probability with which pages of that moment were
    logged. `why` says in a sentence what `explanation` takes apart, where a learned version predicted.
    """

    decision: str
    page: str
    slot: int
    viewer: str
    at: datetime
    context: dict[str, Any]
    title: str
    position: int
    score: float | None
    artworks: list[EligibleAnswer]
    artwork: str
    probability: float
    reason: str
    policy: str
    policy_digest: str
    embedding_version: str
    foundation_version: str | None
    viewer_vector: list[float] | None
    intent_version: str | None
    intent_vector: list[float] | None
    salt: str
    window: int
    diversity: float
    cell: str | None
    rung: str
    kept: float
    outcomes: list[dict[str, Any]]
    rewards: list[dict[str, Any]]
    why: str
    explanation: ExplanationAnswer | None


@router.get("/decisions/{decision}", response_model=DecisionAnswer)
def read(
    decision: Annotated[str, Path(max_length=256)], services: ServicesDep, if_none_match: ReadersTag = None
) -> Response:
    """Read a decision back, and what became of it."""
    try:
        signed = services.keys.read_decision(decision)
    except ForgedDecision as error:
        raise UnknownDecision(error.message, error.remedy) from error
    with reading(services.engine) as connection:
        page = find_page(connection, signed.page)
        outcomes = outcomes_of(connection, [signed.page]).get(signed.page, [])
        rewards = rewards_of(connection, signed.page)
    answer = DecisionAnswer(
        decision=decision,
        slot=signed.slot,
        outcomes=[_outcome(each) for each in outcomes if each.slot == signed.slot],
        rewards=[_reward(each) for each in rewards if each.slot == signed.slot],
        why=reason_of(page, page.slots[signed.slot]),
        explanation=_explanation(explanation_of(services, page, page.slots[signed.slot])),
        **_page_part(page),
        **_slot_part(page, signed.slot),
    )
    return tagged(answer, if_none_match)


def _page_part(page: Page) -> dict[str, Any]:
    context = page.request
    vector, intent = page.vector(), page.intent()
    return {
        "page": page.page,
        "viewer": page.viewer,
        "at": page.at,
        "context": {name: getattr(context, name) for name in context.__struct_fields__},
        "policy": page.policy,
        "policy_digest": page.policy_digest,
        "embedding_version": page.embedding_version,
        "foundation_version": page.foundation_version,
        "viewer_vector": None if vector is None else vector.tolist(),
        "intent_version": page.intent_version,
        "intent_vector": None if intent is None else intent.tolist(),
        "salt": page.salt,
        "window": page.window,
        "diversity": page.diversity,
        "cell": page.cell,
        "rung": page.rung,
        "kept": page.kept,
    }


def _slot_part(page: Page, index: int) -> dict[str, Any]:
    slot = page.slots[index]
    bounds = slot.bounds or (None,) * len(slot.artworks)
    rows = zip(slot.artworks, slot.images, slot.probabilities, bounds, strict=True)
    return {
        "title": slot.title,
        "position": slot.position,
        "score": slot.score,
        "artworks": [
            EligibleAnswer(artwork=name, image=image, probability=p, bounds=own) for name, image, p, own in rows
        ],
        "artwork": slot.artwork,
        "probability": slot.probability,
        "reason": slot.reason,
    }


def _explanation(told: Explanation | None) -> ExplanationAnswer | None:
    if told is None:
        return None
    largest_first = sorted(told.contributions.items(), key=lambda pair: -abs(pair[1]))
    return ExplanationAnswer(
        other=told.other,
        advantage=told.advantage,
        reward=told.reward,
        other_reward=told.other_reward,
        contributions={name: value for name, value in largest_first if value},
    )


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "event": outcome.event,
        "kind": outcome.kind,
        "at": outcome.at,
        "seconds": outcome.seconds,
        "of_seconds": outcome.of_seconds,
    }


def _reward(reward: Reward) -> dict[str, Any]:
    return {"definition": reward.definition, "value": reward.value, "final": reward.final}
