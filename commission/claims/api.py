"""Attribution claims over HTTP: a member's own, and the desk where staff decide."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.claims import queries, service
from commission.claims.errors import ClaimNotFound
from commission.claims.schemas import (
    ClaimQuery,
    ClaimShape,
    DecisionBody,
    NewClaimBody,
    OwnClaimShape,
    claim_shape,
    own_claim_shape,
)
from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref

blueprint = Blueprint("claims", __name__)


@blueprint.post("/v1/me/attribution-claims")
@endpoint(
    ME, summary="Ask for an order of mine", body=NewClaimBody, answer=OwnClaimShape, status=201, also=(200,),
    refuses=("too_many_claims",),
    description="订单找回. Rules answer at once where they can; the rest waits for staff. An open claim is made once.",
)  # fmt: skip
def make_claim(actor: Actor, body: dict[str, Any]) -> Any:
    claim, created = service.make_claim(actor, body["order_external_id"], body["note"])
    return own_claim_shape(claim), 201 if created else 200


@blueprint.get("/v1/me/attribution-claims")
@endpoint(ME, summary="My claims, newest first", query=Page, answer=OwnClaimShape, paged=True)
def my_claims(actor: Actor, query: dict[str, Any]) -> Any:
    limit = query["limit"]
    rows = queries.claims(actor.program_id, None, actor.id, id_cursor(query["cursor"]), limit + 1)
    return page(rows, limit, own_claim_shape, lambda claim: [str(claim.id)])


@blueprint.get("/v1/attribution-claims")
@endpoint(
    "orders:read", summary="Claims, newest first", query=ClaimQuery, answer=ClaimShape, paged=True,
    description="Open ones wait for staff, waiting ones for their order; those are looked at again every minute.",
)  # fmt: skip
def list_claims(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    rows = queries.claims(actor.program_id, query["status"], query["member_id"], before, limit + 1)
    return page(rows, limit, claim_shape, lambda claim: [str(claim.id)])


@blueprint.get("/v1/attribution-claims/<ref>")
@endpoint("orders:read", summary="One claim", answer=ClaimShape)
def show_claim(actor: Actor, ref: str) -> Any:
    return claim_shape(service.claim_of(actor.program_id, _claim_id(ref)))


@blueprint.post("/v1/attribution-claims/<ref>/decision")
@endpoint(
    "attribution:write", summary="Approve or reject a claim", body=DecisionBody, answer=ClaimShape,
    refuses=("claim_decided", "member_not_payable", "order_held", "wrong_state"),
    description="Approving attributes the order to the claimant: the old commissions are reversed, new ones accrued. A "
    "waiting claim can be rejected only. The member reads the reason.",
)  # fmt: skip
def decide_claim(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return claim_shape(service.decide(actor, _claim_id(ref), body["action"], body["reason"]))


def _claim_id(ref: str) -> UUID:
    parsed = parse_ref("atc", ref)
    if not isinstance(parsed, UUID):
        raise ClaimNotFound()
    return parsed
