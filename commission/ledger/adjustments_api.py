"""Adjustments over HTTP: one person asks, another approves."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.ledger import adjustments
from commission.ledger.control_schemas import (
    AdjustmentQuery,
    AdjustmentShape,
    NewAdjustment,
    Rejection,
    adjustment_shape,
)  # fmt: skip
from commission.ledger.errors import AdjustmentNotFound
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_ref
from referral.members import service as members

blueprint = Blueprint("adjustments", __name__)


@blueprint.post("/v1/adjustments")
@endpoint(
    "ledger:write", summary="Ask for a correction of what a member is owed", body=NewAdjustment,
    answer=AdjustmentShape, status=201, refuses=("member_not_found",),
)  # fmt: skip
def request_adjustment(actor: Actor, body: dict[str, Any]) -> Any:
    return adjustment_shape(adjustments.request_adjustment(actor, **body))


@blueprint.get("/v1/adjustments")
@endpoint(
    "ledger:read", summary="Adjustments, newest first", query=AdjustmentQuery, answer=AdjustmentShape, paged=True,
    refuses=("not_found",),
)  # fmt: skip
def list_adjustments(actor: Actor, query: dict[str, Any]) -> Any:
    member = query["member_id"]
    rows = adjustments.adjustments(
        actor.program_id,
        member_id=members.member_id_of(actor.program_id, member) if member else None,
        status=query["status"],
        before=id_cursor(query["cursor"]),
        most=query["limit"] + 1,
    )
    return page(rows, query["limit"], adjustment_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/adjustments/<ref>")
@endpoint("ledger:read", summary="One adjustment", answer=AdjustmentShape)
def show_adjustment(actor: Actor, ref: str) -> Any:
    return adjustment_shape(adjustments.adjustment_of(actor.program_id, _id(ref)))


@blueprint.post("/v1/adjustments/<ref>/approve")
@endpoint(
    "ledger:write", summary="Post a correction that another person asked for", answer=AdjustmentShape,
    refuses=("same_person", "wrong_state"),
)  # fmt: skip
def approve_adjustment(actor: Actor, ref: str) -> Any:
    return adjustment_shape(adjustments.approve_adjustment(actor, _id(ref)))


@blueprint.post("/v1/adjustments/<ref>/reject")
@endpoint(
    "ledger:write", summary="Drop a correction that was asked for", body=Rejection, answer=AdjustmentShape,
    refuses=("wrong_state",),
)  # fmt: skip
def reject_adjustment(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return adjustment_shape(adjustments.reject_adjustment(actor, _id(ref), body["reason"]))


def _id(ref: str) -> UUID:
    value = parse_ref("adj", ref)
    if not isinstance(value, UUID):
        raise AdjustmentNotFound()
    return value
