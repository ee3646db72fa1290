"""Payouts over HTTP: lists, stories, and what people decide."""

from typing import Any

from flask import Blueprint

from commission.payouts import decisions, method_api, queries, resolving, withdrawal_api
from commission.payouts.queries import PayoutFilter
from commission.payouts.rules import combined_digest
from commission.payouts.schemas import (
    ApprovalBody,
    PayoutDetailShape,
    PayoutPage,
    PayoutQuery,
    PayoutShape,
    RejectionBody,
    ResolutionBody,
    VoucherBody,
)
from commission.payouts.showing import detail_of, payout_id_of, shown, shown_ids
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import page_of
from referral.members.service import member_id_of

blueprint = Blueprint("payouts", __name__)
blueprints = (blueprint, method_api.blueprint, withdrawal_api.blueprint)


@blueprint.get("/v1/payouts")
@endpoint(
    "settlements:read", summary="Payouts, newest first", query=PayoutQuery, answer=PayoutPage, refuses=("not_found",)
)
def list_payouts(actor: Actor, query: dict[str, Any]) -> Any:
    limit, after = query.pop("limit"), id_cursor(query.pop("cursor"))
    if query["member_id"] is not None:
        query["member_id"] = member_id_of(actor.program_id, query["member_id"])
    rows = queries.payouts(actor.program_id, PayoutFilter(**query), after, limit + 1)
    answer = page(rows, limit, lambda row: row, lambda row: [str(row.id)])
    digest = combined_digest({row.id: row.digest for row in answer["data"]}) if answer["data"] else None
    return answer | {"data": shown(actor.program_id, answer["data"]), "digest": digest}


@blueprint.get("/v1/payouts/<ref>")
@endpoint("settlements:read", summary="One payout with its timeline and attempts", answer=PayoutDetailShape)
def show_payout(actor: Actor, ref: str) -> Any:
    return detail_of(actor.program_id, payout_id_of(ref))


@blueprint.post("/v1/payouts/approve")
@endpoint(
    "settlements:write", summary="Approve requested withdrawals that somebody else asked for", body=ApprovalBody,
    answer=PayoutShape, paged=True, refuses=("not_found", "wrong_state", "same_person", "digest_mismatch"),
    description="All of them or none. They are queued at once.",
)  # fmt: skip
def approve_payouts(actor: Actor, body: dict[str, Any]) -> Any:
    decisions.approve_withdrawals(actor, body["ids"], body["digest"])
    return page_of(shown_ids(actor.program_id, body["ids"]))


@blueprint.post("/v1/payouts/reject")
@endpoint(
    "settlements:write", summary="Reject requested withdrawals", body=RejectionBody, answer=PayoutShape, paged=True,
    refuses=("not_found", "wrong_state"), description="All of them or none. Their money goes back to the balance.",
)  # fmt: skip
def reject_payouts(actor: Actor, body: dict[str, Any]) -> Any:
    decisions.reject_withdrawals(actor, body["ids"], body["reason"])
    return page_of(shown_ids(actor.program_id, body["ids"]))


@blueprint.post("/v1/payouts/<ref>/retry")
@endpoint(
    "settlements:write", summary="Pay a payout that definitely failed after all", answer=PayoutDetailShape,
    refuses=("not_retryable", "balance_too_low"),
)  # fmt: skip
def retry_payout(actor: Actor, ref: str) -> Any:
    payout_id = payout_id_of(ref)
    decisions.retry_payout(actor, payout_id)
    return detail_of(actor.program_id, payout_id)


@blueprint.post("/v1/payouts/<ref>/cancel")
@endpoint(
    "settlements:write", summary="Give a payout up that was not sent", answer=PayoutDetailShape,
    refuses=("wrong_state",),
)  # fmt: skip
def cancel_payout(actor: Actor, ref: str) -> Any:
    payout_id = payout_id_of(ref)
    decisions.cancel_payout(actor, payout_id)
    return detail_of(actor.program_id, payout_id)


@blueprint.post("/v1/payouts/<ref>/mark-paid")
@endpoint(
    "settlements:write", summary="A payout of the manual rail was paid by hand", body=VoucherBody,
    answer=PayoutDetailShape, refuses=("wrong_state",),
)  # fmt: skip
def mark_payout_paid(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    payout_id = payout_id_of(ref)
    decisions.mark_paid(actor, payout_id, body["voucher"])
    return detail_of(actor.program_id, payout_id)


@blueprint.post("/v1/payouts/<ref>/resolve")
@endpoint(
    "settlements:write", summary="Say what became of an unknown payout; another person confirms",
    body=ResolutionBody, answer=PayoutDetailShape, refuses=("wrong_state", "same_person"),
)  # fmt: skip
def resolve_payout(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    payout_id = payout_id_of(ref)
    resolving.resolve(actor, payout_id, body["outcome"], body["evidence"])
    return detail_of(actor.program_id, payout_id)
