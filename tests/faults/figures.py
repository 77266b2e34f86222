"""What a fault did: how much was acknowledged and lost, and how many pages came in time. Knows no single fault.

A test hands its figure to the fixture `figure`; `python -m benchmarks.faults` runs the tests and keeps the figures,
each as soon as it is there: a run that is cut short has the figures of the tests that ended.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_IN = "FAULT_FIGURES"
"""The environment variable that names the file of figures, one JSON object a line; without it they are not kept."""
ALLOWANCE_MS = 100
"""What a page may take beyond KEYART_SELECT_BUDGET_MS: for HTTP and for the other processes of the machine."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """`runs` are kills or injections; `acknowledged` are decisions, outcomes and events that were answered as durable.

    `lost` of them were not in the database afterwards. `pages` were asked for, `pages_in_budget` of them showed a valid
    artwork of every title within the budget and the allowance, counted from when they were to be sent.
    """

    name: str
    runs: int
    acknowledged: int
    lost: int
    pages: int
    pages_in_budget: int


Record = Callable[[Figure], None]


def recorder() -> Record:
    """Keep figures in the file that the environment names."""

    def record(figure: Figure) -> None:
        if KEPT_IN in os.environ:
            with Path(os.environ[KEPT_IN]).open("a") as file:
                file.write(json.dumps(asdict(figure)) + "\n")

    return record
