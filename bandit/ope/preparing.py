"""What happens to logged rows before they are evaluated: targets stated, rewards predicted. Knows no estimator."""

from dataclasses import dataclass, replace

from bandit.ope.batch import Batch
from bandit.ope.logged import Logged
from bandit.ope.models.model import FittedModel
from bandit.ope.stating import carried_predictions, state
from bandit.ope.targets.target import Target


@dataclass(frozen=True, kw_only=True, eq=False)
class Preparation:
    """How rows of a log become a batch; it travels between processes.

    Without a `target` the log's own column is the target; so with `baseline`, where it has such a column. Without a
    `model` the predictions are those that the log carries, if any.
    """

    target: Target | None = None
    baseline: Target | None = None
    model: FittedModel | None = None

    def unvalued(self, logged: Logged) -> Batch:
        """The rows as models and targets are learned from: with whatever the log states, and its eligible artworks."""
        return state(logged).batch

    def batch(self, logged: Logged) -> Batch:
        """The rows as they are evaluated.

        Raises:
            InvalidExample, NoEligibleKnown: the log does not list the eligible artworks that a target or model needs.
        """
        stated = state(logged)
        batch = stated.batch if self.target is None else self.target.restate(stated.batch)
        batch = batch if self.baseline is None else self.baseline.beside(batch)
        batch = carried_predictions(logged, batch) if self.model is None else self.model.predict(batch)
        return replace(stated, batch=batch).settled()
