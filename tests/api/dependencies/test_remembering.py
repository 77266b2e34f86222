"""What is written down for a start without the database: each change once, not all the time, and never by failing."""

from collections.abc import Iterable
from pathlib import Path

from api.dependencies.remembering import REST, REST_AFTER_FAILURE, Memory, Told
from api.settings import Settings
from tests.api.installation import settings_in


class Part:
    """Says what it is told to say."""

    revision = "1"
    lines: Iterable[bytes] = (b"one",)
    said = 0
    recalled: tuple[bytes, ...] = ()

    def told(self) -> Told | None:
        def counted() -> Iterable[bytes]:
            self.said += 1
            yield from self.lines

        return Told(self.revision, counted()) if self.revision else None

    def recall(self, lines: Iterable[bytes]) -> None:
        self.recalled = tuple(lines)


class Clock:
    """Time that a test moves; it takes a second to look at it."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def memory(settings: Settings, part: Part, clock: Clock) -> Memory:
    return Memory(settings, {"part": part}, clock=clock)


def test_a_change_is_written_once_and_not_before_the_last_one_has_rested(tmp_path: Path) -> None:
    part, clock = Part(), Clock()
    kept = memory(settings_in(tmp_path), part, clock)
    kept.keep()
    clock.now += 10 * REST
    kept.keep()
    assert part.said == 1
    part.revision = "2"
    kept.keep()
    assert part.said == 2
    part.revision = "3"
    kept.keep()
    assert part.said == 2, "it was written a moment ago"
    kept.finish()
    assert part.said == 3, "the last word is not lost"
    part.revision = "4"
    clock.now += 10 * REST
    kept.keep()
    assert part.said == 4


def test_of_two_processes_one_writes_a_change_but_each_its_first_state(tmp_path: Path) -> None:
    one, other, clock = Part(), Part(), Clock()
    first, second = (memory(settings_in(tmp_path), part, clock) for part in (one, other))
    for each in (first, second):
        each.keep()
    one.revision = other.revision = "2"
    clock.now += 10 * REST
    for each in (first, second):
        each.keep()
    assert (one.said, other.said) == (2, 1)


def test_what_cannot_be_written_is_tried_again_later(tmp_path: Path) -> None:
    part, clock = Part(), Clock()
    kept = memory(settings_in(tmp_path), part, clock)
    (tmp_path / "remembered").write_text("a file in the place of the folder")
    kept.keep()
    (tmp_path / "remembered").unlink()
    kept.keep()
    assert part.said == 0
    clock.now += REST_AFTER_FAILURE
    kept.keep()
    assert part.said == 1


def test_a_part_that_was_never_read_is_not_kept_and_what_is_kept_comes_back(tmp_path: Path) -> None:
    part, clock = Part(), Clock()
    part.revision = ""
    memory(settings_in(tmp_path), part, clock).keep()
    assert not memory(settings_in(tmp_path), part, clock).recall("part")
    part.revision = "1"
    memory(settings_in(tmp_path), part, clock).keep()
    assert memory(settings_in(tmp_path), part, clock).recall("part")
    assert part.recalled == (b"one",)
