"""Alembic migrations, made from the tables of api.storage."""
