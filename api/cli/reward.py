"""`keyart reward list | revalue`: what decisions are worth, under every definition."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from api.cli.options import MOST_DAYS, TYPED, AsJson, Home, Why, settings_of

app = typer.Typer(help="What decisions are worth.", no_args_is_help=True)


@app.command("list", epilog="Example: keyart reward list")
def list_rewards(home: Home = None, as_json: AsJson = False) -> None:
    """List the reward definitions: what each is for, how many decisions it values, and which is learned from."""
    from api.storage.database import open_engine, reading
    from api.storage.rewards import RewardCount, count_by_definition
    from bandit.rewards import REWARDS

    settings = settings_of(home)
    with reading(open_engine(settings.database_url)) as connection:
        counted = {each.definition: each for each in count_by_definition(connection)}
    listed = [
        {
            **asdict(counted.get(key) or RewardCount(definition=key, rewards=0, provisional=0, mean=0.0)),
            "purpose": each.purpose,
            "learned": key == settings.reward,
        }
        for key, each in REWARDS.items()
    ]
    if as_json:
        typer.echo(json.dumps({"rewards": listed}))
        return
    for each in listed:
        known = f"{each['rewards']:,} decisions ({each['provisional']:,} provisional), mean {each['mean']:.4f}"
        typer.echo(f"{each['definition']:<16} {known}{'; learned from' if each['learned'] else ''}")
        typer.echo(f"{'':<16} {each['purpose']}")


@app.command(epilog="Example: keyart reward revalue --days 30")
def revalue(
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_DAYS, help="Only decisions of the last so many days.")
    ] = None,
    reason: Why = TYPED,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Value decisions again: after another KEYART_REWARD_WINDOW_SECONDS, a corrected runtime, a new definition."""
    from api.cli.noting import note
    from api.jobs.joining import join_rewards, value_again
    from api.progress import progress_bar
    from api.storage.database import open_engine
    from api.storage.pages import page_id_at

    settings, now = settings_of(home), datetime.now(UTC)
    engine, windows = open_engine(settings.database_url), settings.windows
    since = None if days is None else page_id_at(now - timedelta(days=days))
    with progress_bar("Valuing again") as progress:
        marked, valued = value_again(engine, now=now, since=since), 0
        while found := join_rewards(engine, windows=windows, now=now):
            valued += found
            progress(min(1.0, valued / max(marked, 1)))
    note(engine, "reward.revalue", subject="rewards", after={"pages": valued, "days": days}, reason=reason)
    typer.echo(json.dumps({"pages": valued}) if as_json else f"{valued:,} pages were valued again.")
