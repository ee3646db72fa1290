"""The ledger over HTTP: trial balance, transactions, audits, periods."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.ledger import adjustments_api, audits, balances_api, books, periods, queries
from commission.ledger.books import TransactionFilter
from commission.ledger.control_schemas import AuditShape, PeriodShape, audit_shape, period_shape
from commission.ledger.errors import AuditNotFound, PeriodNotFound
from commission.ledger.schemas import (
    TransactionQuery,
    TransactionShape,
    TrialBalanceQuery,
    TrialBalanceShape,
    transaction_shape,
    trial_balance_shape,
)  # fmt: skip
from core.auth.actor import Actor
from core.clock import now
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.paging import decode_cursor, id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref
from referral.members import service as members

blueprint = Blueprint("ledger", __name__)
blueprints = (blueprint, balances_api.blueprint, adjustments_api.blueprint)

_MONTH = re.compile(r"([12]\d{3})-(0[1-9]|1[0-2])")


@blueprint.get("/v1/ledger/trial-balance")
@endpoint("ledger:read", summary="Every account's totals", query=TrialBalanceQuery, answer=TrialBalanceShape)
def show_trial_balance(actor: Actor, query: dict[str, Any]) -> Any:
    as_of = query["as_of"]
    return trial_balance_shape(as_of or now(), queries.account_totals(actor.program_id, as_of))


@blueprint.get("/v1/ledger/transactions")
@endpoint(
    "ledger:read", summary="Transactions with their postings, newest first", query=TransactionQuery,
    answer=TransactionShape, paged=True, refuses=("not_found",),
)  # fmt: skip
def list_transactions(actor: Actor, query: dict[str, Any]) -> Any:
    member = query["member_id"]
    member_id = members.member_id_of(actor.program_id, member) if member else None
    only = TransactionFilter(member_id, query["kind"], query["order_id"], query["payout_id"])
    rows = books.transactions(actor.program_id, only, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], transaction_shape, lambda row: [str(row.transaction.id)])


@blueprint.post("/v1/ledger/audits")
@endpoint("ledger:write", summary="Check the whole ledger against its rows", answer=AuditShape, status=202)
def request_audit(actor: Actor) -> Any:
    return audit_shape(audits.request_audit(actor))


@blueprint.get("/v1/ledger/audits/<ref>")
@endpoint("ledger:read", summary="An audit: how far it is, or what it found", answer=AuditShape)
def show_audit(actor: Actor, ref: str) -> Any:
    audit_id = parse_ref("aud", ref)
    if not isinstance(audit_id, UUID):
        raise AuditNotFound()
    return audit_shape(audits.audit_of(actor.program_id, audit_id))


@blueprint.get("/v1/periods")
@endpoint("ledger:read", summary="Closed months, latest first", query=Page, answer=PeriodShape, paged=True)
def list_periods(actor: Actor, query: dict[str, Any]) -> Any:
    rows = periods.closed_periods(actor.program_id, _month_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], period_shape, lambda row: [row.month.isoformat()])


@blueprint.post("/v1/periods/<month>/close")
@endpoint(
    "ledger:write", summary="Close a month: what comes later takes effect in the open one", answer=PeriodShape,
    refuses=("period_not_over", "period_closed", "period_out_of_order"),
)  # fmt: skip
def close_period(actor: Actor, month: str) -> Any:
    named = _MONTH.fullmatch(month)
    if named is None:
        raise PeriodNotFound()
    return period_shape(periods.close_period(actor, date(int(named[1]), int(named[2]), 1)))


def _month_cursor(text: str | None) -> date | None:
    position = decode_cursor(text, 1)
    try:
        return date.fromisoformat(str(position[0])) if position else None
    except ValueError as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error
