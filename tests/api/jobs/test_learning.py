"""Learning from the stored log: a function of it (C9), promoting nothing, keeping nothing when it cannot be done."""

from datetime import UTC, datetime, timedelta

import pytest

from api.errors import Conflict
from api.jobs.learning import LearnOrder, learn_version
from api.storage.audit_log import list_entries
from api.storage.database import reading, transaction
from api.storage.pages import last_page
from api.storage.policies import list_policy_versions, live_version
from api.storage.tables import artwork_vectors
from bandit.errors import EmptyLog
from tests.api.installation import Installation, an_outcome, decisions_of, settings_in
from tests.api.learned import TITLES, VIEWERS, Learned


def versions(installation: Installation) -> list[str]:
    with reading(installation.engine) as connection:
        return [each.version for each in list_policy_versions(connection)]


def test_a_version_is_kept_with_its_manifest_and_does_not_go_live(ready: Installation, learned: Learned) -> None:
    manifest = learned.manifest
    assert versions(ready) == [manifest.version]
    assert manifest.rows + manifest.held_out == VIEWERS * 3 * len(TITLES)
    assert 0.15 < manifest.held_out / (manifest.rows + manifest.held_out) < 0.45
    assert (manifest.parent, manifest.embedding_version) == ("uniform", "fake-000000000001")
    assert manifest.foundation_version == "viewers-000000000001"
    with reading(ready.engine) as connection:
        assert manifest.watermark == last_page(connection)
        assert live_version(connection) == "uniform"
        entry = next(each for each in list_entries(connection) if each.action == "version.learn")
    assert (entry.actor, entry.subject) == ("keyart-loop", f"version/{manifest.version}")
    assert entry.after == {"rows": manifest.rows, "reward": manifest.reward}
    assert ready.blobs.get_model(manifest.digest)


def test_what_was_learned_is_the_taste_that_the_log_holds(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "look"})
    for viewer, wanted, other in (("even-2", "a", "b"), ("odd-3", "b", "a")):
        page = ready.select("harbor", viewer=viewer)
        record = ready.http.get(f"/v1/decisions/{decisions_of(page)[0]}").json()
        stated = {each["artwork"]: each["probability"] for each in record["artworks"]}
        assert stated[wanted] > stated[other], viewer


def test_the_same_log_learned_again_gives_the_same_version(ready: Installation, learned: Learned) -> None:
    again = learn_version(ready.engine, ready.blobs, settings=ready.settings).manifest
    assert again.digest == learned.manifest.digest
    assert versions(ready) == [learned.manifest.version]


def test_outcomes_that_wait_are_joined_first_and_change_the_version(ready: Installation, learned: Learned) -> None:
    page = ready.select("harbor", viewer="even-0")
    ready.report(an_outcome(decisions_of(page)[0], "watched", seconds=6000.0))
    more = learn_version(ready.engine, ready.blobs, settings=ready.settings).manifest
    assert more.rows + more.held_out == learned.manifest.rows + learned.manifest.held_out + 1


def test_decisions_younger_than_the_window_wait_for_the_next_time(ready: Installation) -> None:
    waiting = settings_in(ready.home, reward_window_seconds=int(timedelta(days=2).total_seconds()))
    with pytest.raises(EmptyLog, match="report outcomes"):
        learn_version(ready.engine, ready.blobs, settings=waiting)


def test_rewards_that_may_still_change_are_not_learned_from(ready: Installation, learned: Learned) -> None:
    page = ready.select("harbor", viewer="even-0")
    ready.report(an_outcome(decisions_of(page)[0], "seen"))
    ready.join(window=timedelta(hours=1))
    again = learn_version(ready.engine, ready.blobs, settings=ready.settings).manifest
    assert again.digest == learned.manifest.digest


def test_provisional_rewards_are_learned_from_where_that_is_asked_for(ready: Installation, learned: Learned) -> None:
    page = ready.select("harbor", viewer="even-0")
    ready.report(an_outcome(decisions_of(page)[0], "seen"))
    ready.join(window=timedelta(days=2))
    waiting = settings_in(ready.home, reward_window_seconds=int(timedelta(days=2).total_seconds()))
    early = learn_version(ready.engine, ready.blobs, settings=waiting, order=LearnOrder(provisional=True)).manifest
    assert early.rows + early.held_out == learned.manifest.rows + learned.manifest.held_out + 1


def test_rows_whose_pictures_have_no_vector_are_left_out_and_counted(ready: Installation, learned: Learned) -> None:
    keys = [each.image for each in ready.services.catalogue.current.titles[TITLES[1]].candidates.values()]  # type: ignore[index]
    with transaction(ready.engine) as connection:
        connection.execute(artwork_vectors.delete().where(artwork_vectors.c.image.in_(keys)))
    fewer = learn_version(ready.engine, ready.blobs, settings=ready.settings)
    half = (learned.manifest.rows + learned.manifest.held_out) // 2
    assert (fewer.manifest.rows + fewer.manifest.held_out, fewer.skipped) == (half, half)


def test_without_pictures_or_without_rewards_nothing_is_kept(installation: Installation) -> None:
    with pytest.raises(Conflict, match="keyart worker"):
        learn_version(installation.engine, installation.blobs, settings=installation.settings)
    installation.put_title("harbor")
    installation.select()
    with pytest.raises(EmptyLog):
        learn_version(installation.engine, installation.blobs, settings=installation.settings)
    assert versions(installation) == []
    assert not (installation.home / "models").exists()


def test_progress_is_told(ready: Installation) -> None:
    told: list[float] = []
    began = datetime.now(UTC)
    learned = learn_version(ready.engine, ready.blobs, settings=ready.settings, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert learned.manifest.created_at >= began
    assert learned.skipped == 0
