"""Writes the audit log. Called inside the transaction of the action, so no action is without its record."""

from typing import Any
from uuid import UUID

import orjson
from flask import g, has_request_context

from core.auth.actor import Actor, ActorKind
from core.clock import now
from core.db import execute, json
from core.ids import new_id

# never personal, never secret: a name would be a member's as often as a plan's
_KEPT = ("reason", "action", "digest", "role", "status", "outcome", "as_of")


def record(
    program_id: UUID,
    actor_kind: ActorKind,
    actor_id: UUID | None,
    action: str,
    target: str | None,
    detail: dict[str, Any],
) -> None:
    """Append one audit event. `action` is `feature.verb`; `target` a public id; `detail` without personal data."""
    execute(
        """INSERT INTO audit_events
             (program_id, id, actor_kind, actor_id, action, target, detail, request_id, created_at)
           VALUES (%(program_id)s, %(id)s, %(kind)s, %(actor_id)s, %(action)s, %(target)s, %(detail)s, %(request_id)s,
                   %(at)s)""",
        program_id=program_id, id=new_id(), kind=actor_kind.value, actor_id=actor_id, action=action, target=target,
        detail=json(detail), request_id=g.get("request_id") if has_request_context() else None, at=now(),
    )  # fmt: skip


def record_request(actor: Actor, module: str, view: str, values: dict[str, Any], answer: bytes) -> None:
    """Record what a staff member did through an endpoint: the view, its target, the telling fields of the body."""
    feature = module.split(".")[-2]
    body = values.get("body")
    detail = {name: body[name] for name in _KEPT if name in body} if isinstance(body, dict) else {}
    record(actor.program_id, actor.kind, actor.id, f"{feature}.{view}", _target(values, answer), detail)


def _target(values: dict[str, Any], answer: bytes) -> str | None:
    """The public id of what was touched: from the answer, else from the path (never a shop's own id)."""
    shown = orjson.loads(answer) if answer.startswith(b"{") else {}
    if isinstance(shown.get("id"), str):
        return str(shown["id"])
    ref = values.get("ref")
    return ref if isinstance(ref, str) and not ref.startswith("ext:") else None
