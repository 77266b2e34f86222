"""GET /v1/decisions/{decision} says why: the prediction of the version that decided, taken apart."""

import shutil
from typing import Any

import pytest

from tests.api.installation import Installation
from tests.api.learned import Learned

WHY = {"reason": "a test"}


def explanation(installation: Installation, page: dict[str, Any]) -> Any:
    return installation.http.get(f"/v1/decisions/{page['slots'][0]['decision']}").json()["explanation"]


@pytest.fixture
def decided(ready: Installation, learned: Learned) -> dict[str, Any]:
    """A page that the learned version decided for a viewer whom it knows."""
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json=WHY)
    pages = [ready.select("harbor", viewer=f"odd-{2 * number + 1}") for number in range(20)]
    default = ready.services.catalogue.current.titles["harbor"].default()
    assert default is not None
    return next(page for page in pages if page["slots"][0]["artwork"] != default.artwork)


def test_what_each_feature_added_sums_to_the_predicted_difference(ready: Installation, decided: dict[str, Any]) -> None:
    told = explanation(ready, decided)
    default = ready.services.catalogue.current.titles["harbor"].default()
    assert default is not None
    assert told["other"] == default.artwork
    assert sum(told["contributions"].values()) == pytest.approx(told["advantage"], abs=1e-9)
    assert told["reward"] - told["other_reward"] == pytest.approx(told["advantage"], abs=1e-9)
    sizes = [abs(value) for value in told["contributions"].values()]
    assert sizes == sorted(sizes, reverse=True)
    assert "viewer" in told["contributions"]


def test_a_version_that_is_no_longer_in_memory_is_loaded_once_more(
    ready: Installation, learned: Learned, decided: dict[str, Any]
) -> None:
    in_memory = explanation(ready, decided)
    ready.http.post("/v1/policies:rollback", json=WHY)
    ready.http.post("/v1/policies/default:promote", json=WHY)
    assert learned.manifest.version not in ready.services.live.deciding.known()
    assert explanation(ready, decided) == in_memory


def test_nothing_is_told_of_a_version_whose_bytes_are_gone(ready: Installation, decided: dict[str, Any]) -> None:
    ready.http.post("/v1/policies:rollback", json=WHY)
    ready.http.post("/v1/policies/default:promote", json=WHY)
    shutil.rmtree(ready.home / "models")
    assert explanation(ready, decided) is None


def test_every_decision_says_why_in_a_sentence(harbor: Installation) -> None:
    def why(viewer: str = "v") -> str:
        decision = harbor.select("harbor", viewer=viewer)["slots"][0]["decision"]
        return str(harbor.http.get(f"/v1/decisions/{decision}").json()["why"])

    assert why() == "Drawn by uniform with probability 0.3333 of 3 artworks."
    share = {"kind": "share", "artwork": "b", "minimum": 0.8, "reason": "x"}
    harbor.http.post("/v1/titles/harbor/guards", json=share)
    assert any("0.8 of 3 artworks, within what guards allow" in why(f"v{number}") for number in range(9))
    harbor.http.post("/v1/titles/harbor/guards", json={"kind": "pin", "artwork": "c", "reason": "x"})
    assert "pinned" in why()


def test_nothing_is_told_once_an_artwork_shows_another_image(ready: Installation, decided: dict[str, Any]) -> None:
    catalogue = ready.services.catalogue
    entry = catalogue.current.titles["harbor"]
    changed = {name: each for name, each in entry.candidates.items() if name != decided["slots"][0]["artwork"]}
    object.__setattr__(entry, "candidates", changed)
    assert explanation(ready, decided) is None


def test_a_policy_that_predicts_nothing_has_nothing_to_explain(ready: Installation) -> None:
    assert explanation(ready, ready.select("harbor")) is None
