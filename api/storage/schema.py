"""All tables together, for migrations: a module of tables that is not named here would not be migrated."""

from sqlalchemy import MetaData

from api.storage import (
    access_tables,
    experiment_tables,
    forecast_tables,
    joined_tables,
    operations_tables,
    privacy_tables,
    repeat_tables,
    tables,
    watch_tables,
)

DEFINED_IN = (
    tables,
    access_tables,
    joined_tables,
    operations_tables,
    privacy_tables,
    repeat_tables,
    experiment_tables,
    forecast_tables,
    watch_tables,
)

metadata: MetaData = tables.metadata
