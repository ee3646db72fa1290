"""Settlement runs over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.payouts import queries as payout_queries
from commission.payouts import service as payouts
from commission.payouts.queries import PayoutFilter
from commission.payouts.schemas import PayoutShape
from commission.payouts.showing import shown
from commission.settlement import export, finance, queries, service
from commission.settlement.errors import SettlementNotFound
from commission.settlement.finance_schemas import SummaryQuery, SummaryShape, summary_shape
from commission.settlement.queries import Run
from commission.settlement.schemas import (
    Approval,
    Exclusions,
    NewSettlement,
    SettlementDetailShape,
    SettlementPayoutQuery,
    SettlementQuery,
    SettlementShape,
    settlement_detail_shape,
    settlement_shape,
)
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.exports import MEDIA_TYPES, ExportQuery, download
from core.http.paging import id_cursor, page
from core.ids import parse_ref, public_id

blueprint = Blueprint("settlements", __name__)


@blueprint.post("/v1/settlements")
@endpoint(
    "settlements:write", summary="Prepare a settlement run: mature, then reserve every payable balance",
    body=NewSettlement, answer=SettlementShape, status=202,
)  # fmt: skip
def request_settlement(actor: Actor, body: service.RunTerms) -> Any:
    return settlement_shape(service.request_settlement(actor, body))


@blueprint.get("/v1/settlements")
@endpoint(
    "settlements:read", summary="Settlement runs, newest first", query=SettlementQuery, answer=SettlementShape,
    paged=True,
)  # fmt: skip
def list_settlements(actor: Actor, query: dict[str, Any]) -> Any:
    rows = queries.runs(actor.program_id, query["status"], id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], settlement_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/settlements/<ref>")
@endpoint("settlements:read", summary="One settlement run and how far it is", answer=SettlementDetailShape)
def show_settlement(actor: Actor, ref: str) -> Any:
    return _detail(actor, service.run_of(actor.program_id, _run_id(ref)))


@blueprint.post("/v1/settlements/<ref>/approve")
@endpoint(
    "settlements:write", summary="Approve a draft that somebody else made", body=Approval,
    answer=SettlementDetailShape, refuses=("wrong_state", "same_person", "digest_mismatch"),
)  # fmt: skip
def approve_settlement(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _detail(actor, service.approve(actor, _run_id(ref), body["digest"]))


@blueprint.post("/v1/settlements/<ref>/execute")
@endpoint(
    "settlements:write", summary="Let the payouts of an approved run go out", answer=SettlementDetailShape,
    status=202, refuses=("wrong_state",),
)  # fmt: skip
def execute_settlement(actor: Actor, ref: str) -> Any:
    return _detail(actor, service.execute_run(actor, _run_id(ref)))


@blueprint.post("/v1/settlements/<ref>/cancel")
@endpoint(
    "settlements:write", summary="Give everything a run has reserved back to available",
    answer=SettlementDetailShape, refuses=("wrong_state",),
)  # fmt: skip
def cancel_settlement(actor: Actor, ref: str) -> Any:
    return _detail(actor, service.cancel(actor, _run_id(ref)))


@blueprint.post("/v1/settlements/<ref>/exclusions")
@endpoint(
    "settlements:write", summary="Take payouts out of a draft", body=Exclusions, answer=SettlementDetailShape,
    refuses=("wrong_state",),
)  # fmt: skip
def exclude_payouts(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _detail(actor, service.exclude(actor, _run_id(ref), body["payout_ids"], body["reason"]))


@blueprint.get("/v1/settlements/<ref>/payouts")
@endpoint(
    "settlements:read", summary="The run's payouts, newest first", query=SettlementPayoutQuery, answer=PayoutShape,
    paged=True,
)  # fmt: skip
def list_settlement_payouts(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    run = service.run_of(actor.program_id, _run_id(ref))
    limit, wanted = query["limit"], PayoutFilter(settlement_id=run.id, status=query["status"])
    rows = payout_queries.payouts(actor.program_id, wanted, id_cursor(query["cursor"]), limit + 1)
    answer = page(rows, limit, lambda row: row, lambda row: [str(row.id)])
    return answer | {"data": shown(actor.program_id, answer["data"])}


@blueprint.get("/v1/settlements/<ref>/export")
@endpoint(
    "settlements:read", summary="The run's payouts as a file", query=ExportQuery,
    media_type=", ".join(MEDIA_TYPES.values()),
    description="Amounts are minor units and accounts are masked. No cell is a formula.",
)  # fmt: skip
def export_settlement(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    run = service.run_of(actor.program_id, _run_id(ref))
    rows = export.lines(actor.program_id, run.id)
    return download(public_id("stl", run.id), query["format"], export.HEADER, rows, sheet="payouts")


@blueprint.get("/v1/finance/summary")
@endpoint(
    "settlements:read", summary="What is owed, paid and about to mature", query=SummaryQuery, answer=SummaryShape
)  # fmt: skip
def show_summary(actor: Actor, query: dict[str, Any]) -> Any:
    return summary_shape(finance.summary_of(actor.program, query["as_of"]))


def _detail(actor: Actor, run: Run) -> dict[str, Any]:
    return settlement_detail_shape(run, payouts.progress_of(actor.program_id, run.id))


def _run_id(ref: str) -> UUID:
    run_id = parse_ref("stl", ref)
    if not isinstance(run_id, UUID):
        raise SettlementNotFound()
    return run_id
