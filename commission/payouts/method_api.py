"""Payout methods over HTTP, for the shop, finance and the member himself."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.payouts import methods
from commission.payouts.method_schemas import NewPayoutMethod, PayoutMethodShape, method_shape
from core.auth.access import ME
from core.auth.actor import Actor
from core.errors import NotFound
from core.http.endpoint import endpoint
from core.http.schemas import page_of
from core.ids import parse_public_id, parse_ref
from referral.members.service import member_id_of

blueprint = Blueprint("payout_methods", __name__)


@blueprint.post("/v1/members/<ref:ref>/payout-methods")
@endpoint(
    "payout_methods:write", summary="Add a payout method", body=NewPayoutMethod, answer=PayoutMethodShape, status=201,
    also=(200,), refuses=("member_erased",), description="The same content again answers 200 with the method there is.",
)  # fmt: skip
def add_payout_method(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _add(actor, _member(actor, ref), body)


@blueprint.get("/v1/members/<ref:ref>/payout-methods")
@endpoint("payout_methods:read", summary="A member's payout methods", answer=PayoutMethodShape, paged=True)
def list_payout_methods(actor: Actor, ref: str) -> Any:
    return _list(actor, _member(actor, ref))


@blueprint.delete("/v1/members/<ref:ref>/payout-methods/<method>")
@endpoint(
    "payout_methods:write", summary="Take a payout method away", status=204,
    description="Payouts to it that were not sent yet will fail; their money goes back to the balance.",
)  # fmt: skip
def delete_payout_method(actor: Actor, ref: str, method: str) -> Any:
    methods.delete_method(actor.program_id, _member(actor, ref), _method(method))


@blueprint.post("/v1/me/payout-methods")
@endpoint(
    ME, summary="Add a payout method of mine", body=NewPayoutMethod, answer=PayoutMethodShape, status=201, also=(200,)
)
def add_my_payout_method(actor: Actor, body: dict[str, Any]) -> Any:
    return _add(actor, actor.id, body)


@blueprint.get("/v1/me/payout-methods")
@endpoint(ME, summary="My payout methods", answer=PayoutMethodShape, paged=True)
def list_my_payout_methods(actor: Actor) -> Any:
    return _list(actor, actor.id)


@blueprint.delete("/v1/me/payout-methods/<method>")
@endpoint(ME, summary="Take a payout method of mine away", status=204)
def delete_my_payout_method(actor: Actor, method: str) -> Any:
    methods.delete_method(actor.program_id, actor.id, _method(method))


def _add(actor: Actor, member_id: UUID, body: dict[str, Any]) -> Any:
    method, is_new = methods.add_method(actor.program, member_id, actor, **body)
    return method_shape(method), 201 if is_new else 200


def _list(actor: Actor, member_id: UUID) -> Any:
    return page_of([method_shape(method) for method in methods.methods_of(actor.program_id, member_id)])


def _member(actor: Actor, ref: str) -> UUID:
    return member_id_of(actor.program_id, parse_ref("mem", ref))


def _method(text: str) -> UUID:
    method_id = parse_public_id("pm", text)
    if method_id is None:
        raise NotFound("The member has no such payout method.")
    return method_id
