"""The migrations and the tables agree, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from api.errors import StorageUnavailable
from api.storage.audit_log import By, list_entries
from api.storage.database import make_file, open_engine, reading, transaction
from api.storage.evaluations import add_evaluation, latest_evaluation
from api.storage.experiments import add_experiment, add_reading, list_experiments
from api.storage.forecasts import Reading, add_forecast, list_forecasts, put_readings
from api.storage.migration import MIGRATIONS, current, migrate, newest_revision, refuse_other_revision
from api.storage.policies import standing
from api.storage.schema import metadata
from api.storage.stages import Deployment, Stage
from api.storage.tables import deployments
from bandit.policies.uniform import UNIFORM
from tests.api.storage.test_experiments import plan
from tests.api.storage.test_forecasts import deployed, said
from tests.contracts.joined import WINDOW, JoinedLog, a_page, an_outcome


def test_migrations_make_exactly_the_tables(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.fixture
def own_engine(empty_url: str) -> Iterator[Engine]:
    """A migrated database whose tables the test may change."""
    opened = open_engine(empty_url)
    migrate(opened)
    yield opened
    opened.dispose()


def test_a_missing_column_would_be_noticed(own_engine: Engine) -> None:
    with transaction(own_engine) as connection:
        connection.execute(text("ALTER TABLE jobs DROP COLUMN error"))
    with reading(own_engine) as connection:
        [difference] = compare_metadata(MigrationContext.configure(connection), metadata)
    assert difference[0] == "add_column"


def test_migrating_tells_the_revision_and_is_harmless_twice(empty_url: str) -> None:
    engine = open_engine(empty_url)
    make_file(engine)
    assert current(engine) is None
    with pytest.raises(StorageUnavailable, match="keyart migrate"):
        refuse_other_revision(engine)
    assert migrate(engine) == newest_revision()
    assert migrate(engine) == current(engine) == newest_revision()
    refuse_other_revision(engine)
    engine.dispose()


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    engines = [open_engine(empty_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(migrate, engines)) == {newest_revision()}
    for engine in engines:
        engine.dispose()


def test_what_a_migration_changed_is_on_the_audit_log_and_a_first_one_changes_nothing(own_engine: Engine) -> None:
    with reading(own_engine) as connection:
        assert list_entries(connection) == []
    below(own_engine, "0009")
    migrate(own_engine, by=By("cli:ann"))
    migrate(own_engine, by=By("cli:ann"))
    with reading(own_engine) as connection:
        [entry] = list_entries(connection)
    assert (entry.actor, entry.action) == ("cli:ann", "database.migrate")
    assert (entry.before, entry.after) == ({"revision": "0009"}, {"revision": newest_revision()})


def test_tables_of_an_older_keyart_are_no_mystery_and_are_brought_forward(own_engine: Engine, now: datetime) -> None:
    below(own_engine, "0001")
    with pytest.raises(StorageUnavailable, match="keyart migrate"), reading(own_engine) as connection:
        standing(connection)
    back = Deployment(version=UNIFORM, stage=Stage.LIVE, actor="ops", reason="", at=now)
    with pytest.raises(StorageUnavailable, match="keyart migrate"), transaction(own_engine) as connection:
        connection.execute(deployments.insert().values(**asdict(back)))
    with transaction(own_engine) as connection:
        row = {"version": "default", "stage": "live", "actor": "ops", "reason": "", "at": now}
        connection.execute(deployments.insert().values(row))
    migrate(own_engine)
    with reading(own_engine) as connection:
        assert standing(connection).live == "default"
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_log_from_before_the_counts_adds_up_once_it_was_joined(own_engine: Engine) -> None:
    log = JoinedLog(own_engine)
    log.log(*(a_page(number) for number in range(3)))
    log.tell(*(an_outcome(number, 0, "a", seconds=900.0) for number in (0, 1, 9)))
    below(own_engine, "0003")
    migrate(own_engine)
    found = log.conservation()
    assert (found.issued, found.open, found.received, found.waiting) == (9, 9, 3, 3)
    log.join(after=2 * WINDOW)
    found = log.conservation()
    assert (found.rewarded, found.unseen, found.matched, found.waiting) == (2, 7, 2, 1)


def test_experiments_and_forecasts_come_and_go_and_leave_what_was_there_before(
    own_engine: Engine, now: datetime
) -> None:
    """Down to 0007 with rows in all that 0008 and 0009 made, and up again."""
    number, deployment = deployed(own_engine, now, Stage.LIVE)
    with transaction(own_engine) as connection:
        add_evaluation(connection, replace(said(now), found={"rows": 100}))
        add_forecast(connection, number=number, deployment=deployment, evaluation=said(now))
        [forecast] = list_forecasts(connection)
        read = [Reading(day=now.date(), rows=10, viewers=1, value=0.1)]
        put_readings(connection, forecast.forecast, read, until=now)
        add_experiment(connection, plan(), actor="ana", now=now)
        add_reading(connection, "warm", {"rows": 10}, now=now)
    below(own_engine, "0008")
    assert not {"forecasts", "forecast_readings"} & {*inspect(own_engine).get_table_names()}
    assert "found" not in {each["name"] for each in inspect(own_engine).get_columns("policy_evaluations")}
    with reading(own_engine) as connection:
        assert [each.name for each in list_experiments(connection)] == ["warm"]
    below(own_engine, "0007")
    assert not {"experiments", "experiment_readings"} & {*inspect(own_engine).get_table_names()}
    migrate(own_engine)
    with reading(own_engine) as connection:
        assert latest_evaluation(connection, forecast.version) == said(now)
        assert standing(connection).live == forecast.version
        assert (list_forecasts(connection), list_experiments(connection)) == ([], [])
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def below(engine: Engine, revision: str) -> None:
    with transaction(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_a_database_of_a_newer_keyart_is_left_alone(own_engine: Engine) -> None:
    with transaction(own_engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    with pytest.raises(StorageUnavailable, match="from_the_future"):
        migrate(own_engine)


def test_a_migration_that_breaks_leaves_nothing(empty_url: str) -> None:
    engine = open_engine(empty_url)
    make_file(engine)
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE jobs (mine INTEGER)"))  # the last table that the migration makes
    with pytest.raises(Exception, match="already exists"):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["jobs"]
    engine.dispose()
