"""What a fault did: how much was acknowledged and lost, and how many pages came in time. Knows no single fault.

A test hands its figure to the fixture `figure`; `python -m benchmarks.faults` runs the tests and keeps the figures.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

PROPERTY = "fault"
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


def recorder(properties: list[tuple[str, object]]) -> Record:
    """Keep figures among the properties of a test, from where pytest puts them into its report."""

    def record(figure: Figure) -> None:
        properties.append((PROPERTY, json.dumps(asdict(figure))))

    return record
