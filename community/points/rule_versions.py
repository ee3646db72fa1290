"""Versions of a program's rules: all are kept, the latest holds. Callers hold the transaction; nothing here commits."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from community.points.rules import PointRules
from core.auth.access import Role
from core.auth.actor import Actor
from core.clock import now
from core.db import Collision, execute, fetch_all, json
from core.errors import Forbidden
from core.jobs.outbox import publish


class RulesVersion(NamedTuple):
    """One version; number 0 is how every program begins."""

    version: int
    rules: PointRules
    created_at: datetime | None
    created_by: UUID | None


_NONE = RulesVersion(0, PointRules(), None, None)


class _Row(NamedTuple):
    version: int
    rules: dict[str, Any]
    created_at: datetime
    created_by: UUID


def versions_of(program_id: UUID) -> list[RulesVersion]:
    """Every version, the first one first."""
    rows = fetch_all(
        _Row,
        """SELECT version, rules, created_at, created_by FROM point_rules WHERE program_id = %(program_id)s
           ORDER BY version""",
        program_id=program_id,
    )  # fmt: skip
    return [_version(row) for row in rows]


def current(program_id: UUID) -> RulesVersion:
    """The version that holds now."""
    rows = fetch_all(
        _Row,
        """SELECT version, rules, created_at, created_by FROM point_rules WHERE program_id = %(program_id)s
           ORDER BY version DESC LIMIT 1""",
        program_id=program_id,
    )  # fmt: skip
    return _version(rows[0]) if rows else _NONE


def _version(row: _Row) -> RulesVersion:
    return RulesVersion(row.version, msgspec.convert(row.rules, PointRules), row.created_at, row.created_by)


def change_rules(actor: Actor, rules: PointRules) -> RulesVersion:
    """Let these rules hold from now on; the same rules again change nothing.

    Raises:
        Forbidden: the limit of adjustments is another one and the caller is no owner: it is there to bind the others.
        Collision: somebody changed them at this moment.
    """
    before = current(actor.program_id)
    if rules == before.rules:
        return before
    if rules.adjustment_limit != before.rules.adjustment_limit and actor.role is not Role.OWNER:
        raise Forbidden("Only an owner changes adjustment_limit.")
    after = RulesVersion(before.version + 1, rules, now(), actor.id)
    written = execute(
        """INSERT INTO point_rules (program_id, version, rules, created_at, created_by)
           VALUES (%(program_id)s, %(version)s, %(rules)s, %(created_at)s, %(created_by)s) ON CONFLICT DO NOTHING""",
        program_id=actor.program_id, version=after.version, rules=json(msgspec.to_builtins(rules)),
        created_at=after.created_at, created_by=after.created_by,
    )  # fmt: skip
    if not written:
        raise Collision("the rules were changed at this moment")
    if rules.grades != before.rules.grades:
        publish(actor.program_id, "points.sweep_grades", {})
    return after
