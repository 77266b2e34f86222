"""POST /v1/select:batch: the pages of many viewers at once, with the probabilities that each would get alone."""

from typing import Any

import pytest

from tests.api.installation import AT, Installation
from tests.api.learned import Learned
from tests.api.problems import is_problem

CONTEXT = {"at": AT.isoformat(), "device": "tv"}


def asking(viewer: str, *titles: str, **more: Any) -> dict[str, Any]:
    return {"viewer": viewer, "context": CONTEXT, "titles": [{"title": title} for title in titles], **more}


def batch(installation: Installation, *requests: dict[str, Any], **headers: str) -> Any:
    return installation.http.post("/v1/select:batch", json={"requests": list(requests)}, headers=headers)


def test_a_batch_has_the_probabilities_draws_and_log_of_live_pages(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "test", "force": True})
    requests = [asking(f"{'odd' if n % 2 else 'even'}-{n}", "harbor", "tundra") for n in range(40)]
    precomputed = batch(ready, *requests).json()["pages"]
    live = [ready.http.post("/v1/select", json=request).json() for request in requests]
    assert len(precomputed) == 40
    for one, other in zip(precomputed, live, strict=True):
        assert one["policy"] == other["policy"] == learned.manifest.version
        assert one["logged"]
        for ahead, now in zip(one["slots"], other["slots"], strict=True):
            assert {**ahead, "decision": ""} == {**now, "decision": ""}
    decisions = [page["slots"][1]["decision"] for page in (precomputed[3], live[3])]
    records = [ready.http.get(f"/v1/decisions/{decision}").json() for decision in decisions]
    assert records[0]["artworks"] == records[1]["artworks"]


@pytest.mark.parametrize("key", ["k\0", "", "k" * 256])
def test_a_key_that_no_database_can_hold_is_refused(harbor: Installation, key: str) -> None:
    refused = batch(harbor, asking("v", "harbor", idempotency_key=key))
    assert is_problem(refused, 422, "invalid_request")


def test_c2_each_page_of_a_batch_may_have_a_key_of_its_own(harbor: Installation) -> None:
    first = batch(harbor, asking("v", "harbor", idempotency_key="k1"), asking("w", "harbor")).json()["pages"]
    again = batch(harbor, asking("v", "harbor", idempotency_key="k1"), asking("w", "harbor")).json()["pages"]
    assert again[0] == first[0]
    assert again[1]["page"] != first[1]["page"]
    alone = harbor.http.post("/v1/select", json=asking("v", "harbor"), headers={"Idempotency-Key": "k1"})
    assert alone.json() == first[0]


def test_c2_a_key_of_the_whole_batch_stands_for_one_of_each_page(harbor: Installation) -> None:
    key = {"Idempotency-Key": "k"}
    first, again = (batch(harbor, asking("v", "harbor"), asking("w", "harbor"), **key) for _ in range(2))
    assert again.content == first.content
    is_problem(batch(harbor, asking("v", "harbor"), asking("other", "harbor"), **key), 422, "repeated_key")
    own = batch(harbor, asking("v", "harbor", idempotency_key="own"), asking("w", "harbor"), **key).json()["pages"]
    assert own[0] != first.json()["pages"][0]
    assert own[1] == first.json()["pages"][1]


@pytest.mark.parametrize(
    ("requests", "where"),
    [
        ([], "requests"),
        ([asking("v")], "titles"),
        ([asking("v", "harbor", unknown=1)], "unknown"),
        ([asking("v", "harbor", idempotency_key="k"), asking("w", "harbor", idempotency_key="k")], "idempotency_key"),
        ([asking("v", *["harbor"] * 100)] * 51, "5100 titles"),
        ([asking(f"v{number}", "harbor") for number in range(501)], "requests"),
    ],
)
def test_a_batch_that_is_not_in_order_is_refused(
    shared: Installation, requests: list[dict[str, Any]], where: str
) -> None:
    assert where in is_problem(batch(shared, *requests), 422, "invalid_request")["detail"]


def test_one_unknown_title_refuses_the_batch_and_writes_nothing(harbor: Installation) -> None:
    problem = is_problem(batch(harbor, asking("v", "harbor"), asking("w", "nowhere")), 404, "unknown_title")
    assert "requests.1" in problem["detail"]
    assert harbor.services.log.counts().committed == 0
