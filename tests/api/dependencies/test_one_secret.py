"""Servers of one database must share its secret: another one is told, at once and for as long as it lasts."""

from pathlib import Path

from tests.api.installation import SECRET, running, settings_in
from tests.api.problems import is_problem


def test_a_server_with_another_secret_says_so_and_still_answers(home: Path, tmp_path: Path) -> None:
    own = {"database_url": settings_in(home).database_url, "blob_url": str(home)}
    with running(settings_in(home)) as first, running(settings_in(tmp_path / "apart", **own)) as other:
        first.put_title("harbor")
        assert first.http.get("/readyz").json()["problems"] == {}
        other.services.refresh()
        assert "another secret" in other.http.get("/readyz").json()["problems"]["secret"]
        assert other.ask().status_code == 200
        for order in ("erase", "exclude", "include"):
            refused = other.http.post(f"/v1/viewers:{order}", json={"viewer": "profile-17"})
            is_problem(refused, 409, "conflict")
        assert first.http.get("/v1/viewers:excluded").json()["excluded"] == []
    with running(settings_in(tmp_path / "third", secret=SECRET, **own)) as alike:
        assert "secret" not in alike.http.get("/readyz").json()["problems"]


def test_a_rotated_secret_is_still_that_of_the_database(home: Path) -> None:
    with running(settings_in(home)):
        pass
    rotated = f"{SECRET}\nsince 2026-01-31T18:00:00Z a second secret, long enough"
    with running(settings_in(home, secret=rotated)) as after:
        assert after.http.get("/readyz").json()["problems"] == {}
