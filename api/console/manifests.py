"""A version's manifest in plain words, for whoever is to answer for its promotion. Knows no page and judges nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from api.console.rendering import utc
from api.report.numbers import count, percent
from api.storage.pages import decided_at
from api.storage.policies import PolicyVersion
from bandit.decision import PageId
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.uniform import UNIFORM

REWARDS = {
    "quality_play": "a play that lasts, graded by how much of the title was watched",
    "take": "whether the title was played at all",
    "watch_share": "the share of the title that was watched",
}
BUILT_IN_WORDS = {
    UNIFORM: "Shows every eligible artwork with the same probability. Built in: it needs no file and learned nothing.",
    DEFAULT: "Always shows a title's default artwork. Built in: it needs no file and neither learns nor explores.",
}
_LEARNERS = {"linear": "Bayesian linear regression", "vowpal": "Vowpal Wabbit"}
_SAMPLINGS = {"squarecb": "SquareCB", "thompson": "Thompson sampling"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a manifest: `name`, `value`, and where it helps a `note` below."""

    name: str
    value: str
    note: str = ""


def facts_of(version: PolicyVersion) -> list[Fact]:
    """What the version was learned from and how, the most asked first. What an older manifest lacks is left out."""
    told = version.manifest
    facts = [_learned_from(told), _until(told), _reward(told), _parent(told), _learner(told), _held_out(told)]
    facts += [_vectors(told), Fact("Digest", version.digest, "SHA-256 of its bytes; checked whenever it is loaded.")]
    return [each for each in facts if each is not None]


def features_of(manifest: Mapping[str, Any]) -> list[tuple[str, list[Fact]]]:
    """What the version looks at, each with its purpose, in groups. Age and gender cannot be among them (C10)."""
    spec = _mapping(manifest.get("spec"))
    vectors = [
        Fact(name, f"{spec[key]} numbers")
        for name, key in (
            ("viewer vector", "viewer_dimensions"),
            ("intent vector", "intent_dimensions"),
            ("picture vector", "artwork_dimensions"),
        )
        if spec.get(key)
    ]
    own = [Fact("own term", "one weight an artwork, learned from its own rows")] if spec.get("own_term") else []
    groups = [
        ("Of the request and the slot", _purposes(spec.get("features"))),
        ("Of the picture, whoever looks", _purposes(spec.get("looks"))),
        ("Vectors, projected", vectors + own),
    ]
    return [(name, facts) for name, facts in groups if facts]


def created_from(manifest: Mapping[str, Any]) -> datetime | None:
    """The moment up to which the log was read, None where the manifest does not say."""
    watermark = manifest.get("watermark")
    try:
        return decided_at(PageId(watermark)) if isinstance(watermark, str) else None
    except (ValueError, OverflowError):
        return None


def _learned_from(told: Mapping[str, Any]) -> Fact | None:
    if "rows" not in told:
        return None
    left_out = [
        f"{count(number)} {what}"
        for number, what in (
            (told.get("not_drawn"), "were no draws of a policy"),
            (told.get("of_other_viewers"), "carried a viewer vector of another foundation version"),
        )
        if number
    ]
    note = f"Left out: {', '.join(left_out)}." if left_out else ""
    return Fact("Learned from", f"{count(told['rows'])} decisions that were seen", note)


def _until(told: Mapping[str, Any]) -> Fact | None:
    at = created_from(told)
    note = "Some rewards could still rise when it was learned." if told.get("provisional") else ""
    return None if at is None else Fact("Log up to", utc(at), note)


def _reward(told: Mapping[str, Any]) -> Fact | None:
    reward = told.get("reward")
    return None if reward is None else Fact("Reward", str(reward), _sentence(REWARDS.get(str(reward).split("/")[0])))


def _parent(told: Mapping[str, Any]) -> Fact | None:
    parent = told.get("parent")
    if not parent:
        return None
    note = "Learning went on from its sums." if told.get("onward") else "Learned anew from the log."
    return Fact("Live then", str(parent), note)


def _learner(told: Mapping[str, Any]) -> Fact | None:
    settings = _mapping(told.get("settings"))
    if not settings:
        return None
    learner = _LEARNERS.get(str(settings.get("learner")), str(settings.get("learner")))
    sampling = _SAMPLINGS.get(str(settings.get("sampling", "squarecb")), "")
    epsilon = settings.get("epsilon")
    floor = f"the artworks of a slot share a floor of {percent(epsilon)}" if isinstance(epsilon, float) else ""
    rest = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in sorted(settings.items())
        if name not in ("learner", "sampling", "epsilon") and value is not None
    ]
    return Fact("Learner", f"{learner}, explores by {sampling}" if sampling else learner, ", ".join([floor, *rest]))


def _held_out(told: Mapping[str, Any]) -> Fact | None:
    if "held_out" not in told:
        return None
    share = _mapping(told.get("holdout")).get("share")
    note = f"{percent(share, 0)} of viewers, so that it is evaluated on viewers it never met." if share else ""
    return Fact("Kept for evaluation", f"{count(told['held_out'])} decisions", note)


def _vectors(told: Mapping[str, Any]) -> Fact | None:
    names = [told.get("embedding_version"), told.get("foundation_version")]
    known = [str(each) for each in names if each]
    return Fact("Vectors", " · ".join(known), "Pictures · viewers. It looks at no others.") if known else None


def _purposes(listed: Any) -> list[Fact]:
    rows = cast(Sequence[Any], listed) if isinstance(listed, list) else ()
    return [_purpose(_mapping(each)) for each in rows]


def _purpose(feature: Mapping[str, Any]) -> Fact:
    values = ", ".join(map(str, feature.get("values") or ()))
    return Fact(str(feature.get("name")), _sentence(feature.get("purpose")), values)


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _sentence(text: Any) -> str:
    return "" if not text else f"{str(text)[0].upper()}{str(text)[1:]}."
