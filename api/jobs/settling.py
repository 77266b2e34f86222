"""Which artworks need no more exploration: a function of the log (C9), so that learning is one. Knows no catalogue."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from api.jobs.judging import ArtworkLog
from artwork.catalog import TitleId
from bandit.rewards import ValuedDecision
from bandit.verdicts import VerdictRules, artwork_verdicts, exploring

IN_SERVICE_FOR = timedelta(days=7)


def settled_images(decisions: Iterable[ValuedDecision], *, reward: str, rules: VerdictRules) -> frozenset[str]:
    """Return the image keys of artworks that have a verdict under `reward`, or have spent their budget.

    `decisions` are in the order of the log. Rivals are the artworks that were eligible in the last seven days of their
    title's decisions: one that was taken off no longer settles the others. Of a title with a single one of them nothing
    is settled.
    """
    passing = _Passing(decisions)
    sums = ArtworkLog(reward).read(passing)
    verdicts = artwork_verdicts(sums, rules=rules, among=passing.in_service())
    company = Counter(each.title for each in verdicts)
    wanted = exploring([each for each in verdicts if company[each.title] > 1])
    return frozenset(image for image, still in wanted.items() if not still)


@dataclass
class _Passing:
    """Decisions as they pass, by page; remembers when each image key was last eligible for its title."""

    decisions: Iterable[ValuedDecision]
    _last: dict[TitleId, dict[str, datetime]] = field(default_factory=dict[TitleId, dict[str, datetime]], init=False)

    def __iter__(self) -> Iterator[ValuedDecision]:
        for each in self.decisions:
            slot = each.decision
            self._last.setdefault(slot.title, {}).update(dict.fromkeys(slot.images, each.page.at))
            yield each

    def in_service(self) -> set[str]:
        return {
            image
            for images in self._last.values()
            for image, at in images.items()
            if at >= max(images.values()) - IN_SERVICE_FOR
        }
