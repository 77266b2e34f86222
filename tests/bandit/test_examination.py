"""Another process examines a version first: it may die, hang or babble, and only the version is refused."""

import sys
import time
from typing import Any

import pytest

from bandit.errors import BanditError, DamagedModel, ExaminationFailed, GoldenMismatch, IncompatibleModel
from bandit.examination import ASK_AGAIN_SECONDS, Examiner
from bandit.registry import digest_of

pytestmark = pytest.mark.usefixtures("apart")


def acting(code: str, **more: Any) -> Examiner:
    """An examiner whose process runs this code in the place of an examination."""
    return Examiner(command=(sys.executable, "-c", code), **more)


def test_c7_a_sound_version_passes_and_is_asked_once(learned: Any) -> None:
    examiner = Examiner()
    examiner.examine(learned.bundle, learned.manifest.digest)
    began = time.perf_counter()
    examiner.examine(learned.bundle, learned.manifest.digest)
    assert time.perf_counter() - began < 0.05


@pytest.mark.parametrize(
    ("damage", "mistake"),
    [
        (lambda bundle: (bundle[:-40], digest_of(bundle)), DamagedModel),
        (lambda bundle: (bundle[:-40], digest_of(bundle[:-40])), IncompatibleModel),
        (lambda _: (b"no bundle", digest_of(b"no bundle")), IncompatibleModel),
    ],
)
def test_c7_the_process_names_what_is_wrong(learned: Any, damage: Any, mistake: type[BanditError]) -> None:
    with pytest.raises(mistake, match="again"):
        Examiner().examine(*damage(learned.bundle))


def test_c7_a_process_that_crashes_refuses_the_version() -> None:
    with pytest.raises(ExaminationFailed, match=r"code -11 .*the live one stays"):
        acting("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").examine(b"", "0")


def test_c7_a_process_that_hangs_is_ended() -> None:
    began = time.perf_counter()
    with pytest.raises(ExaminationFailed, match="TimeoutExpired"):
        acting("import time; time.sleep(600)", timeout_seconds=1).examine(b"", "0")
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("code", "mistake", "said"),
    [
        ("raise MemoryError('all gone')", ExaminationFailed, "all gone"),
        ("print('hello')", ExaminationFailed, "did not say"),
        ("pass", ExaminationFailed, "did not say"),
        ("""print('{"mistake": "Unheard", "message": "of"}')""", ExaminationFailed, "of"),
        ("""print('{"mistake": "GoldenMismatch", "message": "off by 0.1"}')""", GoldenMismatch, "off by 0.1"),
    ],
)
def test_what_the_process_says_is_passed_on(code: str, mistake: type[BanditError], said: str) -> None:
    with pytest.raises(mistake, match=said):
        acting(code).examine(b"", "0")


def test_a_process_that_cannot_be_started_refuses_the_version() -> None:
    with pytest.raises(ExaminationFailed, match="FileNotFoundError"):
        Examiner(command=("/nonexistent/python",)).examine(b"", "0")


def test_a_refusal_holds_for_a_minute_and_is_then_asked_about_again(tmp_path: Any) -> None:
    now = [0.0]
    count = f"open({str(tmp_path / 'asked')!r}, 'a').write('x'); raise SystemExit(1)"
    examiner = acting(count, clock=lambda: now[0])
    for at in (0.0, ASK_AGAIN_SECONDS - 1, ASK_AGAIN_SECONDS + 1):
        now[0] = at
        with pytest.raises(ExaminationFailed):
            examiner.examine(b"", "0")
    assert (tmp_path / "asked").read_text() == "xx"


def test_the_process_is_told_no_setting_of_keyart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_ADMIN_KEY", "secret")
    acting("import os; print('{}' if 'KEYART_ADMIN_KEY' not in os.environ else 'leaked')").examine(b"", "0")
