"""What a shadow showed on the pages that it was asked about, and whether it may go on. Knows no stage and no server.

A shadow decides nothing. It is there to be found wanting before anybody sees it: by pages that it states nothing valid
for, by pages that take it longer than a page may, by versions that cannot even be loaded.
"""

from dataclasses import dataclass

from bandit.decision import PolicyVersionId
from bandit.rollout import Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowFigures:
    """Sums over the pages that a shadow was asked about; `version` None: there was no shadow yet.

    `chosen` sums its probabilities of the artworks that were drawn, `distance` its total variation distances to what
    the live policy states, both over `slots`. `seconds` is the time that it took, `live_seconds` that of the live
    policy for the same pages; `slow` pages took it longer than a page's budget, and the live policy not. `failures` are
    pages that it stated nothing valid for, `dropped` pages that came too fast, or whose viewer could not be looked up;
    `problem` is the last failure, or why a server cannot load it, and `unable` counts these servers.
    """

    version: PolicyVersionId | None = None
    pages: int = 0
    slots: int = 0
    chosen: float = 0.0
    distance: float = 0.0
    seconds: float = 0.0
    live_seconds: float = 0.0
    slow: int = 0
    failures: int = 0
    dropped: int = 0
    unable: int = 0
    problem: str | None = None

    def __add__(self, other: "ShadowFigures") -> "ShadowFigures":
        return ShadowFigures(
            version=self.version or other.version,
            pages=self.pages + other.pages,
            slots=self.slots + other.slots,
            chosen=self.chosen + other.chosen,
            distance=self.distance + other.distance,
            seconds=self.seconds + other.seconds,
            live_seconds=self.live_seconds + other.live_seconds,
            slow=self.slow + other.slow,
            failures=self.failures + other.failures,
            dropped=self.dropped + other.dropped,
            unable=self.unable + other.unable,
            problem=other.problem or self.problem,
        )

    @property
    def asked(self) -> int:
        """Pages that it was asked about, and those that it failed."""
        return self.pages + self.failures

    def told(self) -> str:
        """What it showed, in words."""
        said = f"it was asked about {self.asked:,} pages: {self.failures:,} failed, {self.slow:,} took too long"
        if not self.pages or not self.slots:
            return said
        own, live = (1000 * each / self.pages for each in (self.seconds, self.live_seconds))
        distance, chosen = self.distance / self.slots, self.chosen / self.slots
        return (
            f"{said}, {own:.2f} ms a page (the live policy {live:.2f}); it is {distance:.3f} away from the live policy "
            f"(total variation), with a mean probability of {chosen:.3f} of what was drawn"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRules:
    """A shadow serves on until it was asked about `pages`.

    It is ended once at least `fewest_bad` pages, and more than `most_bad` of all, failed or took too long.
    """

    pages: int = 100
    most_bad: float = 0.01
    fewest_bad: int = 5


@dataclass(frozen=True, slots=True)
class ShadowVerdict:
    """What becomes of a shadow, and why: ended, kept waiting, or free to go further."""

    fate: Fate
    reason: str


def judge_shadow(figures: ShadowFigures, *, waited: bool, rules: ShadowRules | None = None) -> ShadowVerdict:
    """Judge a shadow by what all servers say of it; `waited`: it had its time, so who could load it would have."""
    rules, bad = rules or ShadowRules(), figures.failures + figures.slow
    last = f" (the last time: {figures.problem})" if figures.problem else ""
    if bad >= rules.fewest_bad and bad > rules.most_bad * figures.asked:
        return ShadowVerdict(Fate.END, f"{figures.told()}{last}")
    if waited and figures.unable:
        return ShadowVerdict(Fate.END, f"{figures.unable:,} servers cannot load it{last}")
    if figures.pages < rules.pages:
        reason = f"it was asked about {figures.pages:,} of the {rules.pages:,} pages that it is judged after"
        return ShadowVerdict(Fate.SERVE_ON, reason)
    return ShadowVerdict(Fate.PROMOTE, figures.told())
