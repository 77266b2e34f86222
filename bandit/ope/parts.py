"""A log that is evaluated part by part, wherever the parts are worked on. Knows no file, no policy and no machine."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar, final

from bandit.ope.batch import Batch
from bandit.ope.evaluation import Evaluation, Evaluator, Question
from bandit.ope.runner import Runner, added

Part = TypeVar("Part")


@final
@dataclass(frozen=True, slots=True)
class PartOfEvaluation(Generic[Part]):
    """A pure function of one part: what an evaluator holds after its rows. It travels to where the part is read."""

    batches: Callable[[Part], Iterable[Batch]]
    question: Question

    def __call__(self, part: Part) -> Evaluator:
        """Read the part's batches and add them up."""
        evaluator = Evaluator(self.question)
        for batch in self.batches(part):
            evaluator.add(batch)
        return evaluator


def evaluate_parts(
    parts: Iterable[Part], batches: Callable[[Part], Iterable[Batch]], *, question: Question, runner: Runner
) -> Evaluation:
    """Evaluate a target over a log in parts, in the order of the log; `batches` reads one, target and all.

    The parts are the log's own, however many workers there are: so the result is the same on one as on many, and as
    that of one pass to 1e-12.

    Raises:
        InvalidExample: some rows of this log name a viewer and some do not.
        ValueError: there are no parts, or the question's level is not inside (0, 1).
    """
    return added(runner.run(PartOfEvaluation(batches, question), parts)).result()
