"""Measures next-title ranking on MovieLens-1M as the SASRec papers split it. The data is never part of the project.

Run as `python -m benchmarks.movielens FOLDER`, FOLDER holding `ml-1m_sas.txt.gz` ("user item" a line, in time order).
Each viewer's last title is the test, the last but one chooses the epoch; all titles are ranked but those of the
viewer's history. The model sees ids in order and no times: events are put a week apart, which says nothing.
"""

import argparse
import gzip
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from foundation.events import Action, Event, EventId, ViewerId
from foundation.model import ModelConfig
from foundation.trained import TrainingConfig
from foundation.training import train

FILE = "ml-1m_sas.txt.gz"
BEGIN, STEP = datetime(1970, 1, 5, 12, tzinfo=UTC), timedelta(days=7)


def histories(text: str) -> Iterator[list[Event]]:
    """Yield each user's events in the order of the file."""
    rated: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        user, item = line.split()
        rated[user].append(item)
    for user, items in rated.items():
        yield [event(user, item, position=position) for position, item in enumerate(items)]


def event(user: str, item: str, *, position: int) -> Event:
    """Take a rating as a title that was watched to its end."""
    return Event(
        event=EventId(f"{user}-{position}"),
        viewer=ViewerId(user),
        title=item,
        action=Action.FINISH,
        at=BEGIN + position * STEP,
    )


def config_of(options: argparse.Namespace) -> TrainingConfig:
    """Return the settings that were asked for."""
    size = ModelConfig(
        dimension=options.dimension,
        layers=options.layers,
        heads=options.heads,
        length=options.length,
        dropout=options.dropout,
    )
    return TrainingConfig(
        model=size,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        mask_history=True,
        seed=options.seed,
        threads=options.threads,
    )


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, default in (("dimension", 64), ("layers", 2), ("heads", 2), ("length", 100), ("epochs", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Train, and print one JSON object."""
    options = parsed()
    text = gzip.decompress((options.folder / FILE).read_bytes())
    started, spent, config = time.perf_counter(), time.process_time(), config_of(options)
    trained = train(
        histories(text.decode()),
        config=config,
        progress=lambda share: print(f"\r{share:7.2%}", end="" if share < 1.0 else "\n", flush=True),
    )
    result = {
        "sha256": hashlib.sha256(text).hexdigest(),
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
        "config": asdict(config),
        "report": asdict(trained.report),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
