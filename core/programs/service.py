"""Programs are made by the operator, owners change their settings as new versions. Callers hold the transaction."""

from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import msgspec

from core.auth.actor import Actor, Program
from core.clock import now
from core.db import connection, execute, json, scalar
from core.errors import Conflict, Fault, Invalid
from core.ids import new_id
from core.money import CURRENCY_EXPONENTS
from core.programs.link_hosts import normalised_link_hosts
from core.programs.settings import ProgramSettings, settings_from

MAX_LEVELS_UNCONFIRMED = 3


# Whether money has moved is known to the ledger, which stands above the kernel and registers here.
_money_gates: list[Callable[[UUID], bool]] = []


def register_money_gate(gate: Callable[[UUID], bool]) -> None:
    """`gate(program_id)` says whether money has moved; it reads in the open transaction."""
    if gate not in _money_gates:
        _money_gates.append(gate)


class CurrencyFixed(Conflict):
    code = "currency_fixed"
    title = "The currency cannot change once money has moved"


def create_program(name: str, currency: str, timezone: str) -> UUID:
    """A new program with default settings.

    Raises:
        Invalid: unknown currency or time zone.
    """
    settings = ProgramSettings(currency=currency, timezone=timezone)
    _check(settings)
    program_id = new_id()
    execute(
        "INSERT INTO programs (id, name, settings_version, created_at) VALUES (%(id)s, %(name)s, 1, %(at)s)",
        id=program_id, name=name, at=now(),
    )  # fmt: skip
    # from here on the transaction is this program's, for the sake of row-level security
    connection().execute(_TENANCY.format(program_id))  # a UUID of our own
    _add_version(program_id, 1, settings, None)
    return program_id


_TENANCY = "SET LOCAL banyan.program_id = '{}'"


def change_program(actor: Actor, name: str | None, changes: dict[str, Any]) -> Program:
    """Rename the program or change settings; nested groups are merged.

    Raises:
        Invalid: a setting that cannot be so, with its pointer.
        CurrencyFixed: money has moved in the old currency.
    """
    version = scalar("SELECT settings_version FROM programs WHERE id = %(id)s FOR UPDATE", id=actor.program_id)
    stored = scalar(
        "SELECT settings FROM program_settings WHERE program_id = %(id)s AND version = %(version)s",
        id=actor.program_id, version=version,
    )  # fmt: skip
    before = settings_from(stored)
    if "link_hosts" in changes:
        changes = changes | {"link_hosts": normalised_link_hosts(changes["link_hosts"])}
    after = _merged(before, changes)
    _check(after)
    if after.currency != before.currency and _money_moved(actor.program_id):
        raise CurrencyFixed()
    if after != before:
        version += 1
        _add_version(actor.program_id, version, after, actor.id)
    present = scalar(
        """UPDATE programs SET name = coalesce(%(name)s, name), settings_version = %(version)s WHERE id = %(id)s
           RETURNING name""",
        name=name, version=version, id=actor.program_id,
    )  # fmt: skip
    # not read through the cache of versions: this one is not committed yet and may still be rolled back
    return Program(actor.program_id, present, version, after)


def settings_at(program_id: UUID, version: int) -> ProgramSettings:
    """The settings an order was accepted under."""
    stored = scalar(
        "SELECT settings FROM program_settings WHERE program_id = %(id)s AND version = %(version)s",
        id=program_id, version=version,
    )  # fmt: skip
    return settings_from(stored)


def _merged(before: ProgramSettings, changes: dict[str, Any]) -> ProgramSettings:
    document = msgspec.to_builtins(before)
    for name, value in changes.items():
        document[name] = document[name] | value if isinstance(document.get(name), dict) else value
    try:
        return settings_from(document)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        raise Invalid.at("/" + path.rstrip("`").strip(".").replace(".", "/"), detail) from error


def _check(settings: ProgramSettings) -> None:
    faults = []
    if settings.currency not in CURRENCY_EXPONENTS:
        faults.append(Fault("/currency", "Not an ISO 4217 currency."))
    if settings.timezone not in available_timezones():
        faults.append(Fault("/timezone", "Not an IANA time zone."))
    if settings.max_levels > MAX_LEVELS_UNCONFIRMED:
        faults.append(Fault("/max_levels", "More than 3 levels need a legal confirmation recorded by the operator."))
    if len(set(settings.attribution.order)) != len(settings.attribution.order):
        faults.append(Fault("/attribution/order", "A source may stand once."))
    if settings.binding.mode == "expiring" and settings.binding.expires_after_days is None:
        faults.append(Fault("/binding/expires_after_days", "An expiring binding needs it."))
    if faults:
        raise Invalid(faults=faults)


def _money_moved(program_id: UUID) -> bool:
    return any(gate(program_id) for gate in _money_gates)


def _add_version(program_id: UUID, version: int, settings: ProgramSettings, staff_id: UUID | None) -> None:
    execute(
        """INSERT INTO program_settings (program_id, version, settings, created_at, created_by)
           VALUES (%(program_id)s, %(version)s, %(settings)s, %(at)s, %(staff_id)s)""",
        program_id=program_id, version=version, settings=json(msgspec.to_builtins(settings)), at=now(),
        staff_id=staff_id,
    )  # fmt: skip
