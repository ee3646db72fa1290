"""Makes the rails of this installation from its settings, at their first use in a process."""

from datetime import timedelta

from flask import current_app

from commission.payouts.rails import rail_for, register, registered_kinds
from commission.payouts.rails.protocol import Rail, Timeouts
from commission.payouts.rails.sandbox.client import SandboxRail
from commission.payouts.rules import SANDBOX
from config.settings import Settings

_CONNECT_SECONDS = 3.0


def rail_of(kind: str) -> Rail:
    """The rail of this kind; what was registered before stays.

    Raises:
        NoSuchRail: this installation has none.
    """
    if kind == SANDBOX and SANDBOX not in registered_kinds():
        register(_sandbox(_settings()))
    return rail_for(kind)


def call_time() -> timedelta:
    """The longest that one call may take: until then an answer may still be on its way."""
    seconds = _settings().rail_timeout_seconds
    return timedelta(seconds=min(_CONNECT_SECONDS, seconds) + 2 * seconds)


def _sandbox(settings: Settings) -> Rail:
    seconds = settings.rail_timeout_seconds
    timeouts = Timeouts(min(_CONNECT_SECONDS, seconds), seconds, seconds)
    return SandboxRail(settings.sandbox_address, timeouts)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
