"""Which day a query means."""

from datetime import date
from typing import Any

from core.auth.actor import Program
from core.clock import day_of, now


def asked_day(program: Program, query: dict[str, Any]) -> date:
    """The day that was asked for; today in the program's time zone unless said."""
    day: date | None = query["day"]
    return day or day_of(now(), program.settings.timezone)
