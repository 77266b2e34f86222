"""`keyart evaluate` on this installation's own log: its settings, its database, its versions."""

from api.cli.evaluation_order import Asked
from api.cli.options import settings_of
from api.errors import BadInput
from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.jobs.judging import artwork_reports
from api.jobs.trusted import measure_of
from api.storage.blobs import BlobStore
from api.storage.database import open_engine
from bandit.ope.evaluation import Evaluation
from bandit.rewards import reward_definition


def evaluated_own(asked: Asked) -> tuple[Evaluation, str]:
    """What was found, and which rows it is of; a learned version's evaluation is kept for the gate.

    Raises:
        BadInput, BanditError, KeyartError: something that was given cannot be taken, or loaded.
    """
    if asked.policy is None:
        raise BadInput("No policy was named.", "Name one with --policy; `keyart learn` makes one.")
    settings = settings_of(asked.home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    definition = reward_definition(asked.reward or settings.reward).key
    order = OwnOrder(
        target=asked.policy,
        baseline=asked.baseline,
        guards=asked.guard,
        model=asked.reward_model(),
        segments=asked.segments,
        measure=measure_of(settings, reward=definition, level=asked.level),
        question=asked.question(),
    )
    baits = artwork_reports(engine, settings=settings).baits if order.of_a_version else ()
    evaluated = assess_version(engine, blobs, order=order, baits=baits)
    left_out = f"; {evaluated.skipped:,} rows left out: an artwork has no vector" if evaluated.skipped else ""
    return evaluated.evaluation, evaluated.rows + left_out
