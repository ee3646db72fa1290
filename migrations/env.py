"""Alembic's entry: connects as the owner, with a short lock time-out, and compares with the models of all features."""

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool

from core.db import Base


def run() -> None:
    settings = current_app.config["SETTINGS"]
    engine = create_engine(
        settings.admin_database_url, poolclass=pool.NullPool, connect_args={"options": "-c lock_timeout=5s"}
    )
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
