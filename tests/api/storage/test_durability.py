"""C1 with the process killed: whatever a process was told is durable is there after `kill -9`."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.storage.database import open_engine
from api.storage.pages import read_pages

ROOT = Path(__file__).parents[3]
APPEND_FOR_EVER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from api.storage.database import open_engine
from api.storage.decision_log import DecisionLog
from api.storage.pages import new_page_id
from bandit.context import RequestContext
from bandit.decision import Page
from tests.api.written import append

log = DecisionLog(open_engine(sys.argv[1]))

def append_for_ever(_):
    while True:
        now = datetime.now(UTC)
        page = Page(page=new_page_id(), viewer="0" * 32, at=now, request=RequestContext(at=now), policy="uniform",
                    policy_digest="", embedding_version="e", foundation_version=None, viewer_vector=None, salt="s",
                    window=0, slots=())
        if append(log, page, timeout=30):
            sys.stdout.write(page.page + "\\n")
            sys.stdout.flush()

with ThreadPoolExecutor(8) as pool:
    list(pool.map(append_for_ever, range(8)))
"""


def _acknowledged_before_a_kill(engine: Engine, *, at_least: int) -> set[str]:
    url = engine.url.render_as_string(hide_password=False)
    child = subprocess.Popen([sys.executable, "-c", APPEND_FOR_EVER, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(at_least)]
    child.kill()
    lines += child.stdout.readlines()
    child.stdout.close()
    child.wait()
    return {line.strip() for line in lines if line.endswith("\n")}


def _assert_kept(engine: Engine, acknowledged: set[str]) -> None:
    reopened = open_engine(engine.url.render_as_string(hide_password=False))
    assert acknowledged - {page.page for page in read_pages(reopened)} == set()
    reopened.dispose()


def test_c1_acknowledged_pages_survive_a_kill(engine: Engine) -> None:
    acknowledged = _acknowledged_before_a_kill(engine, at_least=50)
    assert len(acknowledged) >= 50
    _assert_kept(engine, acknowledged)


@pytest.mark.slow
def test_c1_acknowledged_pages_survive_many_kills(engine: Engine) -> None:
    acknowledged: set[str] = set()
    for cycle in range(15):
        acknowledged |= _acknowledged_before_a_kill(engine, at_least=20 + 13 * cycle)
    _assert_kept(engine, acknowledged)
