"""The options of `keyart evaluate`, one by one. Knows no evaluation."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Model(StrEnum):
    """What predicts rewards, for the estimators that need predictions."""

    NONE = "none"
    RIDGE = "ridge"
    BOOSTING = "boosting"
    VOWPAL = "vowpal"


Policy = Annotated[
    str | None,
    typer.Option(
        help="A version, `uniform`, `default`, `most-played`, `rules:FILE` or `vw:ARGUMENTS`; with --log none "
        "means what the column target_propensity says."
    ),
]
Log = Annotated[Path | None, typer.Option(help="A file or folder of logged decisions; else this installation's.")]
Mapping = Annotated[list[str] | None, typer.Option("--map", help="canonical=theirs; repeat for more.")]
Baseline = Annotated[
    str | None, typer.Option(help="Compare with it, row by row: as --policy, or `logging` for what was logged.")
]
Guard = Annotated[Path | None, typer.Option(help="A JSON file of guards that act on the policy.")]
RewardModel = Annotated[Model, typer.Option(help="Predict rewards, for dm, dr, sndr, switch_dr and dros.")]
Feature = Annotated[
    list[str] | None, typer.Option(help="With --log: a column that the model may look at; repeat for more.")
]
Segment = Annotated[
    list[str] | None, typer.Option(help="Tell where the policy wins and loses, by this column; repeat for more.")
]
Pages = Annotated[bool, typer.Option("--pages", help="Also tell what the policy would earn a page.")]
Query = Annotated[str | None, typer.Option(help="With a DuckDB file as --log: what to ask of it.")]
RewardRange = Annotated[
    tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Bounds that every reward must keep.")
]
WeightRange = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="LOW HIGH", help="Bounds that every weight (target's probability / propensity) must keep."),
]
Level = Annotated[float, typer.Option(min=0.5, max=0.999, help="Level of the intervals.")]
Reward = Annotated[
    str | None, typer.Option(help="The reward definition, on this installation's log (else KEYART_REWARD).")
]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="With --log: processes that share the work.")]
Ray = Annotated[str | None, typer.Option(help="With --log: a Ray cluster's address, or `local`; needs keyart[ray].")]
Html = Annotated[Path | None, typer.Option(help="Write a report for people to this file.")]
