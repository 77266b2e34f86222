"""By what numbers rows are named: those that their log gave them, or 0, 1, 2… as they come. Knows no fault."""

from dataclasses import dataclass

import numpy as np

from bandit.ope.batch import Batch, Integers


@dataclass(slots=True)
class Numbering:
    """How many rows were taken in, and whether the log numbers them. Parts add up, the right one following the left."""

    rows: int = 0
    by_log: bool = False

    def of(self, batch: Batch) -> Integers:
        """The numbers (n,) of a batch's rows, which are now taken in."""
        numbers = np.arange(self.rows, self.rows + len(batch)) if batch.numbers is None else batch.numbers
        self.rows += len(batch)
        self.by_log = self.by_log or batch.numbers is not None
        return numbers

    def later(self, other: "Numbering") -> int:
        """What the numbers of a part that follows this one lack: nothing where its log numbers them."""
        return 0 if other.by_log else self.rows

    def __add__(self, other: "Numbering") -> "Numbering":
        return Numbering(self.rows + other.rows, self.by_log or other.by_log)
