"""A played log as `bandit.comparison` takes it, and what is true of a World's artworks on average. Knows no verdict."""

from collections.abc import Iterator

import numpy as np

from artwork.catalog import ArtworkId, TitleId
from bandit.comparison import ArtworkSums, Shown
from bandit.ope.batch import Floats, ViewerKeys, viewer_keys
from bandit.simulator.play import PlayedLog, Stated
from bandit.simulator.watching import SHARES, share_distribution
from bandit.simulator.world import World
from bandit.simulator.yardsticks import softmax_in, uniform_in


def exploring_in(world: World, *, share: float, temperature: float) -> Stated:
    """A policy that knows the truth (see `softmax_in`) and leaves `share` of its chance to exploring."""
    alike, soft = uniform_in(world), softmax_in(world, temperature=temperature)
    return lambda slots: share * alike(slots) + (1.0 - share) * soft(slots)


def shown_in(world: World, log: PlayedLog) -> Iterator[Shown]:
    """The log by title; artwork a of title t has the image key t/a."""
    keys = keys_in(world)
    worth = log.responses.seconds / log.responses.of_seconds
    for title in range(world.title_count):
        rows, count = log.titles == title, int(world.counts[title])
        yield Shown(
            title=TitleId(f"{title:02d}"),
            artworks=tuple(ArtworkId(str(artwork)) for artwork in range(count)),
            images=tuple(f"{title:02d}/{artwork}" for artwork in range(count)),
            probabilities=log.probabilities[rows][:, :count],
            chosen=log.chosen[rows],
            viewers=keys[log.viewers[rows]],
            worth=np.column_stack([log.responses.rewards, log.responses.played, worth])[rows].astype(np.float64),
        )


def keys_in(world: World) -> ViewerKeys:
    """A key for every viewer: (viewers,)."""
    return viewer_keys([str(viewer) for viewer in range(world.viewer_count)])


def sums_in(world: World, log: PlayedLog) -> ArtworkSums:
    """Everything that the log says of the World's artworks."""
    sums = ArtworkSums()
    for shown in shown_in(world, log):
        sums.add(shown)
    return sums


def place_of(image: str) -> tuple[int, int]:
    """The title and the artwork of an image key."""
    title, artwork = image.split("/")
    return int(title), int(artwork)


def true_values(world: World) -> Floats:
    """The mean reward of every artwork over all viewers: (titles, artworks)."""
    return _over_viewers(world, world.expected_rewards(*world.pairs()))


def true_index(world: World) -> Floats:
    """The bait index of every artwork over all viewers, had all been shown alike: (titles, artworks)."""
    viewers, titles = world.pairs()
    rates, satisfaction = world.play_rates(viewers, titles), world.satisfaction(viewers, titles)
    shares = np.stack([share_distribution(column) @ SHARES for column in satisfaction.T], axis=1)
    starts, watched = _over_viewers(world, rates), _over_viewers(world, rates * shares)
    other_starts, other_watched = (each.sum(axis=1, keepdims=True) - each for each in (starts, watched))
    more = np.log(starts / other_starts * (world.artwork_count - 1))
    less = -np.log((watched / starts) / (other_watched / other_starts))
    return np.minimum(more, less)


def _over_viewers(world: World, table: Floats) -> Floats:
    return table.reshape(world.viewer_count, world.title_count, -1).mean(axis=0)
