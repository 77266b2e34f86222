"""C7 and C8 with a live model whose file is damaged or gone: while it serves, at the next start, and whole again."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.learned import Learned
from tests.faults.conftest import pictures_of
from tests.faults.figures import Record
from tests.faults.held import assert_held
from tests.faults.ledger import Ledger
from tests.faults.server import Server
from tests.faults.traffic import Traffic
from tests.stories.served import wait_until

Serve = Callable[..., Server]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_c7_c8_a_live_model_that_is_damaged(serve: Serve, learned_home: Path, learned: Learned, figure: Record) -> None:
    version, file = learned.manifest.version, learned_home / "models" / learned.manifest.digest
    whole = file.read_bytes()
    server = serve(learned_home)
    server.start()
    order = {"stage": "live", "reason": "a test of faults", "force": True}
    assert server.http.post(f"/v1/policies/{version}:promote", json=order).status_code == 200
    wait_until(lambda: server.http.get("/readyz").json()["policy"] == version, within=60)
    traffic = Traffic(port=server.port, pictures=pictures_of(learned_home), book=Ledger(), rate=30)
    damages = (whole[: len(whole) // 2], b"", bytes([whole[0] ^ 1]) + whole[1:], None)
    with traffic.flowing():
        for damage in damages:
            time.sleep(1)
            leave(file, damage)
        time.sleep(1)
        assert server.http.get("/readyz").json()["policy"] == version, "what is in memory decides on"
    server.kill()
    for damage in damages:
        leave(file, damage)
        server.start()
        with traffic.flowing():
            time.sleep(2)
            ready = server.http.get("/readyz").json()
            assert ready["policy"] != version
            assert "policy" in ready["problems"]
            file.write_bytes(whole)
            wait_until(lambda: server.http.get("/readyz").json()["policy"] == version, within=60)
            time.sleep(1)
        server.kill()
    assert_held(traffic, learned_home, name="live model damaged", runs=2 * len(damages), figure=figure)


def leave(file: Path, content: bytes | None) -> None:
    """Let a file hold this, or be gone."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
