"""The client in an event loop: the same pages, no thread, and a caller who goes away takes the request along."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from api.async_client import AsyncKeyartClient, ClientOptions
from api.client_pages import Asked, AskedPage, ReportedOutcome

SLOT = {"title": "harbor", "decision": "d", "artwork": "a", "image": "/a.jpg", "probability": 0.5, "reason": "policy"}
PAGE = {"page": "p", "policy": "uniform", "logged": True, "slots": [SLOT]}
OUTCOME = ReportedOutcome(event="e1", decision="d", kind="seen", at="2026-01-01T00:00:00Z")
Answer = Callable[[httpx.Request], Coroutine[Any, Any, httpx.Response]]


def client(answer: Answer, **options: float) -> AsyncKeyartClient:
    return AsyncKeyartClient(
        "http://keyart.test",
        "key",
        defaults={"harbor": "/default.jpg"},
        deadline=5,
        options=ClientOptions(**options),  # type: ignore[arg-type]
        transport=httpx.MockTransport(answer),
    )


async def paging(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/v1/outcomes":
        return httpx.Response(200, json={"accepted": 1, "duplicates": 0, "rejected": []})
    return httpx.Response(200, json={"pages": [PAGE]} if request.url.path.endswith("batch") else PAGE)


async def never(_: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("nobody waits so long")


def test_pages_batches_and_outcomes_go_out_and_are_counted() -> None:
    async def scene() -> None:
        async with client(paging) as keyart:
            pages = await asyncio.gather(*(keyart.select(f"viewer-{number}", ["harbor"]) for number in range(20)))
            assert {page.slots[0].decision for page in pages} == {"d"}
            asked = AskedPage(viewer="v", titles=[Asked(title="harbor")])
            [page] = await keyart.select_batch([asked])
            assert page.error is None
            assert (await keyart.report([OUTCOME])).accepted == 1
            assert keyart.counts()["answered"] == 21

    asyncio.run(scene())


def test_a_page_renders_at_its_deadline_and_a_report_gives_up_at_its_own() -> None:
    async def scene() -> None:
        async with client(never, failures=2) as keyart:
            for _ in range(2):
                page = await keyart.select("viewer-1", ["harbor"], deadline=0.02)
                assert (page.slots[0].image, page.error) == ("/default.jpg", "no answer within 0.02 s")
            skipped = await keyart.select("viewer-1", ["harbor"], defaults={"harbor": "/own.jpg"})
            assert skipped.slots[0].image == "/own.jpg"
            assert (await keyart.report([OUTCOME], deadline=0.02)).error == "no answer within 0.02 s"
            assert keyart.counts() == {"answered": 0, "failed": 2, "skipped": 1, "retried": 0}

    asyncio.run(scene())


def test_who_goes_away_takes_the_request_along_and_it_says_nothing_of_the_server() -> None:
    async def scene() -> None:
        async with client(never, failures=1) as keyart:
            waiting = asyncio.create_task(keyart.select("viewer-1", ["harbor"]))
            await asyncio.sleep(0.01)
            waiting.cancel()
            assert (await asyncio.gather(waiting, return_exceptions=True))[0].__class__ is asyncio.CancelledError
            assert keyart.counts()["failed"] == 0
            assert "lately" not in str((await keyart.select("viewer-1", ["harbor"], deadline=0.01)).error)

    asyncio.run(scene())
