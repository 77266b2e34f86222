"""Measures what the foundation model learns of viewers whose tastes are known. `python -m benchmarks.viewers`.

The viewers are drawn here: each has a share of taste for every cluster of titles, starts titles by fame and taste,
finishes what fits the taste, abandons what does not, and is shown anything. So the best possible ranking is known.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from foundation.encoder import encode_viewers
from foundation.events import Action, Event, EventId, ViewerId
from foundation.metrics import Ranking, ranking, ranks
from foundation.sequences import split
from foundation.tokens import tokenize
from foundation.trained import Foundation, TrainingConfig
from foundation.training import train

TITLES, CLUSTERS, EVENTS = 30, 3, 24
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Audience:
    """`tastes` (viewers, clusters), and `wanted` (viewers, titles): how likely each is wanted next, up to a factor."""

    histories: list[list[Event]]
    tastes: NDArray[np.float64]
    wanted: NDArray[np.float64]


def title_name(number: int) -> str:
    """Titles sort as they count; title n is of cluster n modulo CLUSTERS."""
    return f"title-{number:03d}"


def audience(viewers: int, *, seed: int = 0, titles: int = TITLES, events: int = EVENTS) -> Audience:
    """Draw viewers who finish what they like, abandon what they do not, and see impressions of anything."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(titles) % CLUSTERS
    fame = rng.gamma(1.0, 1.0, titles)
    tastes = rng.dirichlet(np.full(CLUSTERS, 0.4), size=viewers)
    started = fame * tastes[:, cluster] + 1e-3
    histories = [
        _history(f"viewer-{viewer}", started[viewer] / started[viewer].sum(), tastes[viewer, cluster], events, rng)
        for viewer in range(viewers)
    ]
    return Audience(histories=histories, tastes=tastes, wanted=started * tastes[:, cluster])


def _history(
    viewer: str, started: NDArray[np.float64], liked: NDArray[np.float64], events: int, rng: np.random.Generator
) -> list[Event]:
    at, history = BEGIN, list[Event]()
    for number in range(events):
        at += timedelta(hours=8 + float(rng.exponential(24.0)))
        if rng.random() < 0.25:
            title, action = int(rng.integers(len(started))), Action.IMPRESSION
        else:
            title = int(rng.choice(len(started), p=started))
            action = Action.FINISH if rng.random() < liked[title] else Action.ABANDON
        history.append(
            Event(
                event=EventId(f"{viewer}/{number}"),
                viewer=ViewerId(viewer),
                title=title_name(title),
                action=action,
                at=at,
                device="tv" if rng.random() < 0.7 else "phone",
            )
        )
    return history


def best_possible(crowd: Audience, foundation: Foundation) -> Ranking:
    """Rank each held-out title by what its viewer truly wants, which no model can know better."""
    places: list[NDArray[np.float64]] = []
    for history, wanted in zip(crowd.histories, crowd.wanted, strict=True):
        questions = split([tokenize(history)], foundation.vocabulary, length=len(history) + 1).test
        if questions:
            scores = wanted[None].astype(np.float32)
            places.append(ranks(scores, questions, mask_history=foundation.config.mask_history))
    return ranking(np.concatenate(places))


def taste_told(crowd: Audience, foundation: Foundation) -> float:
    """Return R²: how much of the tastes of one half of the viewers a line fitted on the other half's vectors tells."""
    vectors, tastes = encode_viewers(foundation, crowd.histories), crowd.tastes
    half = len(tastes) // 2
    line, *_ = np.linalg.lstsq(vectors[:half], tastes[:half], rcond=None)
    rest = tastes[half:]
    return 1.0 - float(((rest - vectors[half:] @ line) ** 2).sum() / ((rest - rest.mean(axis=0)) ** 2).sum())


def main() -> None:
    """Train at the size of the demo and print one JSON object."""
    crowd = audience(2_000, titles=60, events=40)
    started, spent = time.perf_counter(), time.process_time()
    foundation = train(crowd.histories, config=TrainingConfig())
    result = {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
        "taste_told": round(taste_told(crowd, foundation), 3),
        "best_possible": asdict(best_possible(crowd, foundation)),
        "report": asdict(foundation.report),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
