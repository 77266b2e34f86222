"""`keyart evaluate` on this installation's own log: its settings, its database, its versions."""

from pathlib import Path

from api.cli.evaluation_order import Comparing
from api.cli.options import settings_of
from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.jobs.judging import artwork_reports
from api.jobs.trusted import measure_of
from api.storage.blobs import BlobStore
from api.storage.database import open_engine
from bandit.ope.evaluation import Evaluation, Question
from bandit.rewards import reward_definition


def evaluated_own(
    policy: str, comparing: Comparing, *, question: Question, reward: str | None, home: Path | None
) -> tuple[Evaluation, str]:
    """What was found, and which rows it is of; a learned version's evaluation is kept for the gate.

    Raises:
        BadInput, BanditError, KeyartError: something that was given cannot be taken, or loaded.
    """
    settings = settings_of(home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    definition = reward_definition(reward or settings.reward).key
    order = OwnOrder(
        target=policy,
        baseline=comparing.baseline,
        guards=comparing.guards,
        model=comparing.model,
        segments=comparing.segments,
        measure=measure_of(settings, reward=definition, level=question.level),
        question=question,
    )
    baits = artwork_reports(engine, settings=settings).baits if order.of_a_version else ()
    evaluated = assess_version(engine, blobs, order=order, baits=baits)
    left_out = f"; {evaluated.skipped:,} rows left out: an artwork has no vector" if evaluated.skipped else ""
    return evaluated.evaluation, evaluated.rows + left_out
