"""`keyart learn`: a policy version from the log."""

import json
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import MOST_DAYS, TYPED, AsJson, Home, Why, actor, settings_of

if TYPE_CHECKING:
    from api.jobs.learning import LearnedVersion
    from bandit.learners import LearnerSettings
    from bandit.registry import Manifest


class Learner(StrEnum):
    """What can learn."""

    LINEAR = "linear"
    VOWPAL = "vowpal"


CLIP = 20.0
"""Of Vowpal Wabbit's weights 1 / p: it costs honest logs nothing, and bounds what one row can do (docs/privacy.md)."""

Clip = Annotated[
    float | None,
    typer.Option(min=1, max=1e12, help="The most that one decision may weigh (else 20 for vowpal, none for linear)."),
]
Window = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=86_400 * MOST_DAYS,
        metavar="SECONDS",
        help="Value the log anew under this window: what came late counts.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart learn --half-life 90")(learn)


def learn(  # a command's options are its parameters
    learner: Annotated[
        Learner | None,
        typer.Option(help="linear: Bayesian linear regression (the default); vowpal: Vowpal Wabbit."),
    ] = None,
    half_life: Annotated[
        float | None,
        typer.Option(help="Days after which a decision counts half as much, for tastes that move. Linear only."),
    ] = None,
    clip: Clip = None,
    onward: Annotated[
        bool, typer.Option("--onward", help="Go on from the live version with what was logged since it.")
    ] = False,
    start: Annotated[
        str | None, typer.Option("--from", metavar="VERSION", help="Go on from this version instead.")
    ] = None,
    reward: Annotated[
        str | None, typer.Option(help="The reward definition to learn from (else KEYART_REWARD).")
    ] = None,
    provisional: Annotated[bool, typer.Option(help="Learn from rewards that may still rise, too.")] = False,
    window: Window = None,
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Learn a policy version from the log. It decides nothing until it is promoted."""
    from api.jobs.learning import LearnOrder, learn_version
    from api.progress import progress_bar
    from api.storage.audit_log import By
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from bandit.decision import PolicyVersionId

    order = LearnOrder(
        learner=_settings_of(learner, half_life=half_life, clip=clip),
        reward=reward,
        provisional=provisional,
        window=None if window is None else timedelta(seconds=window),
        onward=onward or start is not None,
        start=None if start is None else PolicyVersionId(start),
        by=By(actor(), reason),
    )
    settings = settings_of(home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    with progress_bar("Learning") as progress:
        learned = learn_version(engine, blobs, settings=settings, order=order, progress=progress)
    typer.echo(_as_json(learned) if as_json else "\n".join(_lines(learned)))


def _settings_of(learner: Learner | None, *, half_life: float | None, clip: float | None) -> "LearnerSettings | None":
    """The settings that the options ask for; None where they ask for none, so that the job says which."""
    from msgspec import UNSET

    from api.errors import BadInput
    from bandit.linear.settings import LinearSettings
    from bandit.policies.vowpal import EngineSettings

    if learner is Learner.VOWPAL and half_life is not None:
        raise BadInput("Vowpal Wabbit cannot forget by days.", "Leave out --half-life, or use --learner linear.")
    if learner is None and half_life is None and clip is None:
        return None
    try:
        if learner is Learner.VOWPAL:
            return EngineSettings(clip=CLIP if clip is None else clip)
        return LinearSettings(half_life_days=half_life, clip=UNSET if clip is None else clip)
    except ValueError as error:
        raise BadInput(f"This cannot be: {error}.", "Give for example --half-life 90 or --clip 20.") from None


def _as_json(learned: "LearnedVersion") -> str:
    """The manifest, and beside it what it does not say by itself."""
    told = json.loads(learned.manifest.to_json())
    return json.dumps(told | {"learner": told["settings"]["learner"], **_left_out(learned)})


def _left_out(learned: "LearnedVersion") -> dict[str, int]:
    return {"skipped": learned.skipped, "excluded": learned.excluded, "capped": learned.capped}


def _lines(learned: "LearnedVersion") -> list[str]:
    manifest, skipped = learned.manifest, learned.skipped
    lines = [f"{manifest.version} learned from {_rows(manifest)} ({manifest.held_out:,} held out)."]
    if manifest.settled:
        lines.append(f"{manifest.settled:,} artworks have a verdict or spent their budget and are explored no more.")
    if skipped:
        lines.append(f"{skipped:,} decisions were left out: an artwork of theirs has no vector in the live version.")
    if learned.excluded or learned.capped:
        told = f"{learned.excluded:,} of robots and internal traffic, {learned.capped:,} beyond a viewer's daily cap"
        lines.append(f"Decisions that were kept and not learned from: {told}.")
    if manifest.foundation_version is None:
        lines.append("It knows no viewers' tastes: send events and run `keyart foundation train`, then learn again.")
    return [*lines, f"Next: keyart evaluate --policy {manifest.version}"]


def _rows(manifest: "Manifest") -> str:
    if not manifest.onward:
        return f"{manifest.rows:,} decisions"
    return f"{manifest.rows:,} decisions since {manifest.parent}, {manifest.examples:,} in all"
