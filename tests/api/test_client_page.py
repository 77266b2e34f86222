"""The client against the real application: the page's example runs, its pages are logged, its outcomes arrive."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import client as module
from api.client import Asked, AskedPage, KeyartClient, ReportedOutcome
from api.outcome_queue import OutcomeQueue
from tests.api.installation import ADMIN_KEY, AT, Installation

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


def client_of(installation: Installation, key: str = ADMIN_KEY, **more: Any) -> KeyartClient:
    def forward(request: httpx.Request) -> httpx.Response:
        answer = installation.http.request(
            request.method, request.url.path, content=request.content, headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, content=answer.content, headers=dict(answer.headers))

    return KeyartClient("http://testserver", key, transport=httpx.MockTransport(forward), deadline=10, **more)


def test_the_example_of_the_page_renders_and_reports(harbor: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[KeyartClient] = []

    def open_client(_url: str, _key: str, *, deadline: float, defaults: dict[str, str]) -> KeyartClient:
        assert deadline < 1
        opened.append(client_of(harbor, defaults=defaults))
        return opened[0]

    monkeypatch.setattr(module, "KeyartClient", open_client)
    example = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]
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
