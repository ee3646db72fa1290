"""The audit log over HTTP, for owners."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint
from marshmallow import Schema, fields

from core.auth.actor import Actor
from core.db import fetch_all
from core.http.endpoint import endpoint
from core.http.fields import Identifier, Text
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import public_id, public_id_or_none

blueprint = Blueprint("audit", __name__)
_PREFIXES = {"staff": "stf", "key": "key", "member": "mem", "system": "sys"}


class AuditQuery(Page):
    target = Text(60, load_default=None)
    action = Text(100, load_default=None)
    staff_id = Identifier("stf", load_default=None)


class AuditEventShape(Schema):
    id = fields.String()
    actor = fields.Dict(metadata={"description": "kind and id of who acted"})
    action = fields.String()
    target = fields.String(allow_none=True)
    detail = fields.Dict()
    request_id = fields.String(allow_none=True)
    at = fields.DateTime()


class AuditEvent(NamedTuple):
    """One row of the audit log."""

    id: UUID
    actor_kind: str
    actor_id: UUID | None
    action: str
    target: str | None
    detail: dict[str, Any]
    request_id: str | None
    created_at: datetime


@blueprint.get("/v1/audit-events")
@endpoint("audit:read", summary="What staff did, newest first", query=AuditQuery, answer=AuditEventShape, paged=True)
def list_audit_events(actor: Actor, query: dict[str, Any]) -> Any:
    after = id_cursor(query["cursor"])
    rows = fetch_all(
        AuditEvent,
        """SELECT id, actor_kind, actor_id, action, target, detail, request_id, created_at FROM audit_events
           WHERE program_id = %(program_id)s AND (%(after)s::uuid IS NULL OR id < %(after)s::uuid)
             AND (%(target)s::text IS NULL OR target = %(target)s) AND (%(action)s::text IS NULL OR action = %(action)s)
             AND (%(staff_id)s::uuid IS NULL OR actor_id = %(staff_id)s)
           ORDER BY id DESC LIMIT %(most)s""",
        program_id=actor.program_id, after=after, target=query["target"], action=query["action"],
        staff_id=query["staff_id"], most=query["limit"] + 1,
    )  # fmt: skip
    return page(rows, query["limit"], _shape, lambda row: [str(row.id)])


def _shape(event: AuditEvent) -> dict[str, Any]:
    kind = event.actor_kind
    return {
        "id": public_id("evt", event.id),
        "actor": {"kind": kind, "id": public_id_or_none(_PREFIXES[kind], event.actor_id)},
        "action": event.action, "target": event.target, "detail": event.detail, "request_id": event.request_id,
        "at": event.created_at,
    }  # fmt: skip
