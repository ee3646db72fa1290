"""Withdrawals over HTTP: asked for by the member, or by the shop or finance for him."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.payouts import queries, withdrawals
from commission.payouts.errors import PayoutNotFound
from commission.payouts.method_schemas import method_shape
from commission.payouts.queries import PayoutFilter
from commission.payouts.schemas import (
    MyPayoutDetailShape,
    MyPayoutShape,
    PayoutDetailShape,
    QuoteShape,
    WithdrawalBody,
    WithdrawalRulesShape,
    my_payout_shape,
    quote_shape,
    timeline_shape,
)
from commission.payouts.showing import detail_of, payout_id_of
from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref
from referral.members.service import member_id_of

blueprint = Blueprint("withdrawals", __name__)

_REFUSES = (
    "balance_too_low", "below_minimum", "no_payout_method", "method_frozen", "member_suspended",
)  # fmt: skip


@blueprint.post("/v1/members/<ref:ref>/withdrawals")
@endpoint(
    "withdrawals:write", summary="Ask for a withdrawal of a member's balance", body=WithdrawalBody,
    answer=PayoutDetailShape, status=201, refuses=_REFUSES,
)  # fmt: skip
def request_withdrawal(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    member_id = member_id_of(actor.program_id, parse_ref("mem", ref))
    return detail_of(actor.program_id, _requested(actor, member_id, body))


@blueprint.post("/v1/me/withdrawals")
@endpoint(
    ME, summary="Ask for a withdrawal of my balance", body=WithdrawalBody, answer=MyPayoutDetailShape, status=201,
    refuses=_REFUSES,
)  # fmt: skip
def request_my_withdrawal(actor: Actor, body: dict[str, Any]) -> Any:
    return _mine(actor, _requested(actor, actor.id, body))


@blueprint.get("/v1/me/withdrawals")
@endpoint(
    ME, summary="What was paid to me and what is on its way, newest first", query=Page, answer=MyPayoutShape,
    paged=True, description="Withdrawals and settlements; `kind` tells which.",
)  # fmt: skip
def list_my_withdrawals(actor: Actor, query: dict[str, Any]) -> Any:
    mine = PayoutFilter(member_id=actor.id)
    rows = queries.payouts(actor.program_id, mine, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], my_payout_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/me/withdrawals/<ref>")
@endpoint(ME, summary="One payout of mine and how far it is", answer=MyPayoutDetailShape)
def show_my_withdrawal(actor: Actor, ref: str) -> Any:
    return _mine(actor, payout_id_of(ref))


@blueprint.get("/v1/me/withdrawal-rules")
@endpoint(ME, summary="How much I may withdraw, and on what terms", answer=WithdrawalRulesShape)
def show_my_withdrawal_rules(actor: Actor) -> Any:
    rules = withdrawals.withdrawal_rules(actor.program, actor.id)
    method = rules["payout_method"]
    return rules | {"payout_method": method_shape(method) if method else None}


@blueprint.post("/v1/me/withdrawal-quotes")
@endpoint(ME, summary="What a withdrawal of mine would give", body=WithdrawalBody, answer=QuoteShape)
def quote_my_withdrawal(actor: Actor, body: dict[str, Any]) -> Any:
    quote = withdrawals.quote_withdrawal(actor.program, actor.id, body["amount"], body["payout_method_id"])
    return quote_shape(quote, actor.program.currency)


def _requested(actor: Actor, member_id: UUID, body: dict[str, Any]) -> UUID:
    return withdrawals.request_withdrawal(actor, member_id, body["amount"], body["payout_method_id"])


def _mine(actor: Actor, payout_id: UUID) -> dict[str, Any]:
    found = [one for one in queries.payouts_of_ids(actor.program_id, [payout_id]) if one.member_id == actor.id]
    if not found:
        raise PayoutNotFound()
    return my_payout_shape(found[0]) | {"timeline": timeline_shape(queries.timeline(actor.program_id, payout_id))}
