"""Commissions, maturations and earnings over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.earnings import maturation, periods, queries
from commission.earnings.errors import MaturationNotFound
from commission.earnings.queries import CommissionFilter
from commission.earnings.schemas import (
    CommissionQuery,
    CommissionShape,
    EarningsQuery,
    EarningsShape,
    MaturationShape,
    MyCommissionQuery,
    MyCommissionShape,
    NewMaturation,
    commission_shape,
    earnings_shape,
    maturation_shape,
    my_commission_shape,
)  # fmt: skip
from core.auth.actor import Actor, Program
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref
from referral.members import service as members

blueprint = Blueprint("earnings", __name__)


@blueprint.post("/v1/maturations")
@endpoint(
    "settlements:write", summary="Make commissions available whose hold has ended", body=NewMaturation,
    answer=MaturationShape, status=202,
)  # fmt: skip
def request_maturation(actor: Actor, body: dict[str, Any]) -> Any:
    return maturation_shape(maturation.request_maturation(actor, body["as_of"]))


@blueprint.get("/v1/maturations")
@endpoint("settlements:read", summary="Maturations, newest first", query=Page, answer=MaturationShape, paged=True)
def list_maturations(actor: Actor, query: dict[str, Any]) -> Any:
    rows = queries.maturations(actor.program_id, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], maturation_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/maturations/<ref>")
@endpoint("settlements:read", summary="One maturation and how far it is", answer=MaturationShape)
def show_maturation(actor: Actor, ref: str) -> Any:
    maturation_id = parse_ref("mat", ref)
    if not isinstance(maturation_id, UUID):
        raise MaturationNotFound()
    return maturation_shape(maturation.maturation_of(actor.program_id, maturation_id))


@blueprint.get("/v1/commissions")
@endpoint("ledger:read", summary="Commissions, newest first", query=CommissionQuery, answer=CommissionShape, paged=True)
def list_commissions(actor: Actor, query: dict[str, Any]) -> Any:
    only = CommissionFilter(query["member_id"], query["order_id"], query["status"], query["from_"], query["to"])
    rows = queries.commissions(actor.program_id, only, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], commission_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/me/commissions")
@endpoint(
    "me", summary="My commissions, newest first", query=MyCommissionQuery, answer=MyCommissionShape, paged=True
)  # fmt: skip
def list_my_commissions(actor: Actor, query: dict[str, Any]) -> Any:
    only = CommissionFilter(member=actor.id, status=query["status"], since=query["from_"], until=query["to"])
    rows = queries.commissions(actor.program_id, only, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], my_commission_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/members/<ref:ref>/earnings")
@endpoint("ledger:read", summary="What a member earned by day or month", query=EarningsQuery, answer=EarningsShape)
def show_earnings(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    member_id = members.member_id_of(actor.program_id, parse_ref("mem", ref))
    return _earnings(actor.program, member_id, query)


@blueprint.get("/v1/me/earnings")
@endpoint("me", summary="What I earned by day or month", query=EarningsQuery, answer=EarningsShape)
def show_my_earnings(actor: Actor, query: dict[str, Any]) -> Any:
    return _earnings(actor.program, actor.id, query)


def _earnings(program: Program, member_id: UUID, query: dict[str, Any]) -> dict[str, Any]:
    timezone = program.settings.timezone
    return earnings_shape(
        program.currency,
        query["interval"],
        periods.earnings_by_period(
            program.id, member_id, timezone, by_month=query["interval"] == "month", since=query["from_"],
            until=query["to"],
        ),
        periods.expected_maturities(program.id, member_id, timezone),
        periods.waiting_without_date(program.id, member_id),
    )  # fmt: skip
