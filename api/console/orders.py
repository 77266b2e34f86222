"""What a form of the console asks for: read, checked, and said back in sentences before it is done. Does nothing.

The first sending of a form is answered with what it would do; only the second one, with `confirmed`, does it. It also
carries what stood when it was confirmed (`seen`), so that nobody confirms one thing and gets another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from api.dependencies.promotion import Order
from api.errors import Conflict
from api.report.numbers import percent
from api.storage.policies import BUILT_IN
from api.storage.stages import Stage, Standing
from bandit.decision import PolicyVersionId

LONGEST_REASON = 500
STAGES = (Stage.SHADOW, Stage.CANARY, Stage.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderForm:
    """A form as it was filled in, and by field what is wrong with it; `share` in percent, as it was written."""

    stage: str = ""
    share: str = ""
    reason: str = ""
    force: bool = False
    confirmed: bool = False
    seen: str = ""
    errors: Mapping[str, str] = field(default_factory=dict[str, str])

    def order(self, *, actor: str, now: datetime) -> Order:
        """The order that a form without errors is."""
        stage = Stage(self.stage) if self.stage else Stage.LIVE
        share = _share(self.share) if stage is Stage.CANARY else None
        return Order(actor=actor, reason=self.reason, at=now, stage=stage, share=share, force=self.force)


def promotion_form(sent: Mapping[str, str]) -> OrderForm:
    """Read a promotion and say what is wrong with it."""
    form = reason_form(sent)
    stage, share = sent.get("stage", ""), sent.get("share", "")
    errors = dict(form.errors)
    if stage not in STAGES:
        errors["stage"] = "Choose shadow, canary or live."
    if stage == Stage.CANARY and _share(share) is None:
        errors["share"] = "Give the share of viewers in percent, above 0 and at most 100, for example 5."
    return OrderForm(
        stage=stage,
        share=share,
        reason=form.reason,
        force=sent.get("force") == "yes",
        confirmed=form.confirmed,
        seen=form.seen,
        errors=errors,
    )


def reason_form(sent: Mapping[str, str]) -> OrderForm:
    """Read an order that needs a reason only."""
    reason = sent.get("reason", "")
    errors: dict[str, str] = {}
    if not reason:
        errors["reason"] = "Say why: the reason is kept with the deployment for ever."
    elif len(reason) > LONGEST_REASON:
        errors["reason"] = f"Say it in at most {LONGEST_REASON} characters; these are {len(reason)}."
    confirmed = sent.get("confirmed") == "yes"
    return OrderForm(reason=reason, confirmed=confirmed, seen=sent.get("seen", ""), errors=errors)


def what_stands(now: Standing) -> str:
    """What decides, as one word that a form carries."""
    canary = f"{now.canary.version}@{now.canary.share:g}" if now.canary else "-"
    return f"{now.live}|{canary}|{now.shadow or '-'}"


def check_unmoved(form: OrderForm, now: Standing) -> None:
    """Refuse what was confirmed while something else stood.

    Raises:
        Conflict: another deployment came between.
    """
    if form.seen != what_stands(now):
        raise Conflict(
            "Another deployment was made since you were shown what this would do.",
            "Read again what it does now, then confirm.",
        )


def promotion_in_words(version: PolicyVersionId, form: OrderForm, now: Standing, *, shadow_share: float) -> list[str]:
    """What a promotion would do, in sentences.

    Raises:
        Conflict: it is live already.
    """
    if version == now.live:
        raise Conflict(f"{version} is live already.", "There is nothing to do.")
    if form.stage == Stage.LIVE:
        return _going_live(version, now)
    if form.stage == Stage.CANARY:
        return _becoming_canary(version, form, now)
    said = [
        f"{version} is asked about {percent(shadow_share, 0)} of the pages after they are answered. It decides nothing."
    ]
    if now.shadow and now.shadow != version:
        said.append(f"It takes the place of {now.shadow}, which is shadow now.")
    if now.canary and now.canary.version == version:
        said.append(f"It stops being the canary: {now.live} decides for those viewers again.")
    return said


def roll_back_in_words(now: Standing) -> list[str]:
    """What a roll-back would do.

    Raises:
        Conflict: there is nothing to take back.
    """
    back = now.after_roll_back()
    if now.canary:
        share = percent(now.canary.share)
        return [f"The canary {now.canary.version} ends.", f"{back} decides for its {share} of the viewers again."]
    return [
        f"{now.live} stops deciding.",
        f"{back}, which was live before it, decides for all viewers again.",
        "Nothing is learned anew; running servers follow within moments.",
    ]


def retirement_in_words(version: PolicyVersionId, now: Standing) -> list[str]:
    """What taking a version out of service would do."""
    stage = now.stage_of(version)
    ending = {
        Stage.CANARY: f"The canary ends: {now.live} decides for its viewers again.",
        Stage.SHADOW: "It is no longer asked as the shadow.",
    }
    said = [ending[stage]] if stage in ending else []
    return [*said, f"No roll-back leads to {version} any more. It can be promoted again later."]


def button_words(kind: str, version: PolicyVersionId | None, form: OrderForm) -> str:
    """What the button says that does it."""
    if kind == "rollback":
        return "Roll back"
    if kind == "retire":
        return f"Take {version} out of service"
    if form.stage == Stage.CANARY:
        return f"Let {version} decide for {percent(_share(form.share))} of the viewers"
    return f"Make {version} {form.stage}" + (" against the gate" if form.force else "")


def _going_live(version: PolicyVersionId, now: Standing) -> list[str]:
    learns = "" if version not in BUILT_IN else " It is built in and learned nothing."
    said = [
        f"{version} decides for all viewers.{learns}",
        f"{now.live}, which is live now, stops deciding; a roll-back leads back to it.",
    ]
    if now.canary:
        who = "It is the canary now, and stops being one" if now.canary.version == version else "The canary ends"
        said.append(f"{who}: a live version decides for those viewers too.")
    return [*said, "Running servers follow within moments; viewers may see other artworks from then on."]


def _becoming_canary(version: PolicyVersionId, form: OrderForm, now: Standing) -> list[str]:
    said = [
        f"{version} decides for {percent(_share(form.share))} of the viewers, always the same ones.",
        f"{now.live} goes on deciding for the others.",
    ]
    if now.canary and now.canary.version == version:
        return [*said, f"Its share is {percent(now.canary.share)} now."]
    if now.canary:
        said.append(f"{now.canary.version}, which is the canary now, ends.")
    return said


def _share(written: str) -> float | None:
    try:
        share = float(written.removesuffix("%").strip().replace(",", ".")) / 100
    except ValueError:
        return None
    return share if 0 < share <= 1 else None
