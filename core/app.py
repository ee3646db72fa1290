"""The application factory: settings, database, features, problems, logs. Every process starts here."""

import importlib
import importlib.util
import os
from types import ModuleType

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from config.features import FEATURES
from config.settings import Settings, load
from core.db import db, engine_options
from core.http.openapi import register_openapi
from core.http.paths import RefConverter
from core.http.problem import register_problems
from core.http.requests import register_requests
from core.observability.health import MIGRATIONS
from core.observability.logging import configure_logging

MAX_BODY_BYTES = 32 * 1024 * 1024


def create_app(settings: Settings | None = None, *, process: str = "web") -> Flask:
    """A configured application. `process` names it in the logs."""
    settings = settings or load()
    configure_logging(settings.log_level, process)
    app = Flask("banyan", static_folder=None)
    app.config.update(
        SETTINGS=settings,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.web_threads + 2),
    )
    app.url_map.converters["ref"] = RefConverter
    db.init_app(app)
    if "FLASK_RUN_FROM_CLI" in os.environ:
        register_migrations(app)
    register_problems(app)
    register_requests(app)
    for feature in FEATURES:
        for part in ("models", "tasks", "api", "cli", "upkeep", "health"):
            _install(app, feature_module(feature, part))
    register_openapi(app)
    if settings.proxy_hops:
        # clients' addresses, which sign-in limits count by; what is put in front does the same for itself
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops)  # type: ignore[method-assign]
    for feature in FEATURES:
        _put_in_front(app, feature_module(feature, "front"))
    return app


def register_migrations(app: Flask) -> None:
    """Let `flask db` and its functions work on this application."""
    from flask_migrate import Migrate  # alembic takes half a second to import, which only commands should pay

    Migrate(app, db, directory=str(MIGRATIONS))


def feature_module(feature: str, part: str) -> ModuleType | None:
    """One file of a feature, None when the feature has no such part."""
    name = f"{feature}.{part}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def _install(app: Flask, module: ModuleType | None) -> None:
    """Importing registers tables and jobs; endpoints and commands are attached here."""
    for blueprint in getattr(module, "blueprints", ()) or filter(None, [getattr(module, "blueprint", None)]):
        app.register_blueprint(blueprint)
    for command in getattr(module, "commands", ()):
        app.cli.add_command(command)


def _put_in_front(app: Flask, module: ModuleType | None) -> None:
    """What answers some paths before Flask sees them; `in_front_of(app)` gives the WSGI application that does."""
    if module is not None:
        app.wsgi_app = module.in_front_of(app)  # type: ignore[method-assign]  # as Flask documents it


__all__ = ["create_app", "feature_module"]
