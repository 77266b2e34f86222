"""The client against the real application: the page's example runs, its pages are logged, its outcomes arrive."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import async_client as async_module
from api import client as module
from api.async_client import AsyncKeyartClient
from api.client import Asked, AskedPage, KeyartClient, ReportedOutcome
from api.outcome_queue import OutcomeQueue
from tests.api.installation import ADMIN_KEY, AT, Installation
from tests.architecture.house import ROOT

PAGE = ROOT / "docs" / "client.md"
EXAMPLES: list[str] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def transport_to(installation: Installation) -> httpx.MockTransport:
    def forward(request: httpx.Request) -> httpx.Response:
        answer = installation.http.request(
            request.method, request.url.path, content=request.content, headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, content=answer.content, headers=dict(answer.headers))

    return httpx.MockTransport(forward)


def client_of(installation: Installation, key: str = ADMIN_KEY, **more: Any) -> KeyartClient:
    return KeyartClient("http://testserver", key, transport=transport_to(installation), deadline=10, **more)


def test_the_example_of_the_page_renders_and_reports(harbor: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[KeyartClient] = []

    def open_client(_url: str, _key: str, *, deadline: float, defaults: dict[str, str]) -> KeyartClient:
        assert deadline < 1
        opened.append(client_of(harbor, defaults=defaults))
        return opened[0]

    monkeypatch.setattr(module, "KeyartClient", open_client)
    example = EXAMPLES[0]
    lines = [line for line in example.splitlines() if line.strip() and not line.startswith("from ")]
    assert len(lines) <= 10
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)
    rendered = names["render"]("viewer-1", ["harbor"])
    assert re.fullmatch(r'<img alt="harbor" src="/images/[^"]+">', rendered[0])
    names["outcomes"].close()
    assert names["outcomes"].counts()["delivered"] == 1
    assert opened[0].counts()["answered"] == 1
    opened[0].close()


def test_the_example_for_asyncio_gives_images(harbor: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_client(_url: str, _key: str, *, deadline: float, defaults: dict[str, str]) -> AsyncKeyartClient:
        assert deadline < 1
        transport = transport_to(harbor)
        return AsyncKeyartClient("http://testserver", ADMIN_KEY, transport=transport, defaults=defaults, deadline=10)

    monkeypatch.setattr(async_module, "AsyncKeyartClient", open_client)
    names: dict[str, Any] = {}
    exec(compile(EXAMPLES[1], str(PAGE), "exec"), names)

    async def rendered() -> list[str | None]:
        async with names["keyart"]:
            return await names["images"]("viewer-1", ["harbor"])

    [image] = asyncio.run(rendered())
    assert image is not None
    assert image.startswith("/images/")


@pytest.mark.slow
def test_the_examples_hold_before_a_strict_type_checker(tmp_path: Path) -> None:
    for number, example in enumerate(EXAMPLES):
        file = tmp_path / f"example_{number}.py"
        file.write_text(f"# pyright: strict\n{example}")
        checked = subprocess.run(
            [sys.executable, "-m", "pyright", str(file)], cwd=ROOT, capture_output=True, text=True, timeout=110
        )
        assert checked.returncode == 0, checked.stdout


def test_a_repeated_page_is_the_same_page(harbor: Installation) -> None:
    with client_of(harbor) as keyart:
        asked = [Asked(title="harbor", position=0, score=0.5)]
        context = {"device": "tv", "at": AT.isoformat()}
        first = keyart.select("viewer-1", asked, context=context, idempotency_key="page-1")
        assert first.error is None
        assert keyart.select("viewer-1", asked, context=context, idempotency_key="page-1") == first


def test_an_unknown_title_and_a_wrong_key_render_defaults(harbor: Installation) -> None:
    with client_of(harbor, defaults={"nowhere": "/n.jpg"}) as keyart:
        page = keyart.select("viewer-1", [Asked(title="nowhere")])
        assert page.slots[0].image == "/n.jpg"
    with client_of(harbor, "wrong") as keyart:
        page = keyart.select("viewer-1", [Asked(title="harbor")])
        assert page.error is not None
        assert "401" in page.error


def test_a_title_that_keyart_does_not_know_yet_costs_no_other_its_picture(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/bare", json={"name": "Bare", "kind": "film"}).raise_for_status()
    with client_of(harbor, defaults={"nowhere": "/n.jpg"}) as keyart:
        page = keyart.select("viewer-1", ["nowhere", "harbor"], idempotency_key="page-1")
        assert (page.slots[0].image, page.error) == ("/n.jpg", "the answer lacks 1 of 2 titles")
        assert page.logged
        assert page.slots[1].decision is not None
        assert keyart.select("viewer-2", ["harbor", "bare"]).slots[0].decision is not None, "it has no picture yet"
        batch = [AskedPage(viewer=each, titles=[Asked(title=f"other-{each}"), Asked(title="harbor")]) for each in "ab"]
        assert [each.slots[1].decision is None for each in keyart.select_batch(batch)] == [False, False]


def test_outcomes_reach_the_log_and_repetitions_count_once(harbor: Installation) -> None:
    with client_of(harbor) as keyart:
        page = keyart.select("viewer-1", [Asked(title="harbor")])
        with OutcomeQueue(keyart.report) as outcomes:
            event = outcomes.record(page.slots[0].decision, "played", seconds=60.0, of_seconds=6000.0)
            outcomes.record("forged", "seen")
        assert outcomes.counts() == {"recorded": 2, "delivered": 1, "dropped": 0, "refused": 1, "waiting": 0}
        decision = page.slots[0].decision
        assert event is not None
        assert decision is not None
        repeated = ReportedOutcome(event=event, decision=decision, kind="played", at=AT.isoformat())
        assert keyart.report([repeated]).duplicates == 1


def test_a_batch_gives_every_viewer_a_logged_page(harbor: Installation) -> None:
    with client_of(harbor) as keyart:
        pages = keyart.select_batch(
            [AskedPage(viewer=f"viewer-{number}", titles=[Asked(title="harbor")]) for number in range(3)]
        )
    assert [page.error for page in pages] == [None] * 3
    assert len({page.page for page in pages}) == 3
    assert all(page.logged for page in pages)
