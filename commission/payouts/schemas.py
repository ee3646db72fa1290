"""JSON shapes of payouts and withdrawals."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from commission.payouts.method_schemas import (
    PayoutMethodShape,
    masked_account,
    masked_holder,
    method_shape,
)
from commission.payouts.methods import in_clear
from commission.payouts.queries import AttemptRecord, Event, PayoutRecord, ResolutionRecord
from commission.payouts.rules import KINDS, Status
from commission.payouts.withdrawals import Quote
from core.auth.actor import ActorKind
from core.http.fields import Amount, Identifier, Note, Reference, Text
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none
from referral.members.schemas import MemberCardShape, member_card
from referral.members.service import MemberCard

MOST_AT_ONCE = 200
_STATUSES = [status.value for status in Status]
_PREFIXES = {ActorKind.STAFF: "stf", ActorKind.KEY: "key", ActorKind.MEMBER: "mem"}


# Bodies and queries


class WithdrawalBody(Body):
    amount = Amount(minimum=1, required=True)
    payout_method_id = Identifier("pm", load_default=None, allow_none=True, metadata={"description": "the default"})


class ApprovalBody(Body):
    ids = fields.List(Identifier("pay"), required=True, validate=validate.Length(1, MOST_AT_ONCE))
    digest = Text(
        64, minimum=64, required=True,
        metadata={
            "description": "the `digest` of the page of payouts that was looked at, or of the one payout: "
            "of several, sha256 in hex over their digests in the order of their ids, joined by newlines"
        },
    )  # fmt: skip


class RejectionBody(Body):
    ids = fields.List(Identifier("pay"), required=True, validate=validate.Length(1, MOST_AT_ONCE))
    reason = Note(500, required=True)


class VoucherBody(Body):
    voucher = Text(200, required=True, metadata={"description": "where to find the payment by hand"})


class ResolutionBody(Body):
    outcome = fields.String(required=True, validate=validate.OneOf([Status.PAID.value, Status.FAILED.value]))
    evidence = Note(2000, required=True)


class PayoutQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(_STATUSES))
    member_id = Reference("mem", load_default=None)
    rail = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    settlement_id = Identifier("stl", load_default=None)
    kind = fields.String(load_default=None, validate=validate.OneOf(["settlement", "withdrawal"]))


# Answers


class PartyShape(Schema):
    kind = fields.String(validate=validate.OneOf([kind.value for kind in ActorKind]))
    id = fields.String(allow_none=True)


class PayeeShape(Schema):
    payout_method_id = fields.String()
    account = fields.String(allow_none=True, metadata={"description": "masked"})
    account_name = fields.String(allow_none=True, metadata={"description": "masked"})


class MyPayoutShape(Schema):
    id = fields.String()
    kind = fields.String(validate=validate.OneOf(["settlement", "withdrawal"]))
    status = fields.String(validate=validate.OneOf(_STATUSES))
    status_at = fields.DateTime()
    amount = fields.Integer(metadata={"description": "what the balance is charged"})
    tax = fields.Integer()
    fee = fields.Integer()
    net = fields.Integer(metadata={"description": "what the payee gets"})
    currency = fields.String()
    rail = fields.String()
    rail_reference = fields.String(allow_none=True)
    payee_action = fields.String(allow_none=True, metadata={"description": "what the payee needs to confirm"})
    failure = fields.String(allow_none=True)
    payee = fields.Nested(PayeeShape)
    created_at = fields.DateTime()
    paid_at = fields.DateTime(allow_none=True)


class PayoutShape(MyPayoutShape):
    member_id = fields.String()
    member = fields.Nested(MemberCardShape, allow_none=True)
    settlement_id = fields.String(allow_none=True)
    digest = fields.String(metadata={"description": "over payee, account, amount, currency and rail: for approval"})
    requested_by = fields.Nested(PartyShape)
    approved_by = fields.String(allow_none=True)
    approved_at = fields.DateTime(allow_none=True)


class EventShape(Schema):
    state = fields.String()
    at = fields.DateTime()
    text = fields.String()


class AttemptShape(Schema):
    id = fields.String()
    number = fields.Integer()
    rail = fields.String()
    key = fields.String(metadata={"description": "the number the rail knows it by"})
    status = fields.String(validate=validate.OneOf(["open", "paid", "failed", "returned", "canceled"]))
    outcome = fields.String(allow_none=True, metadata={"description": "what the rail said last"})
    reason = fields.String(allow_none=True)
    reference = fields.String(allow_none=True)
    sends = fields.Integer()
    created_at = fields.DateTime()
    last_sent_at = fields.DateTime()
    finished_at = fields.DateTime(allow_none=True)


class ResolutionShape(Schema):
    outcome = fields.String()
    evidence = fields.String()
    status = fields.String(validate=validate.OneOf(["proposed", "confirmed", "superseded"]))
    proposed_by = fields.String()
    proposed_at = fields.DateTime()
    confirmed_by = fields.String(allow_none=True)
    confirmed_at = fields.DateTime(allow_none=True)


class PayoutDetailShape(PayoutShape):
    timeline = fields.List(fields.Nested(EventShape))
    attempts = fields.List(fields.Nested(AttemptShape))
    resolutions = fields.List(fields.Nested(ResolutionShape))


class MyPayoutDetailShape(MyPayoutShape):
    timeline = fields.List(fields.Nested(EventShape))


class PayoutPage(Schema):
    data = fields.List(fields.Nested(PayoutShape))
    next_cursor = fields.String(allow_none=True)
    digest = fields.String(allow_none=True, metadata={"description": "of all payouts of this page, for approval"})


class QuoteShape(Schema):
    amount = fields.Integer()
    tax = fields.Integer()
    fee = fields.Integer()
    net = fields.Integer()
    currency = fields.String()
    payout_method = fields.Nested(PayoutMethodShape, allow_none=True)
    allowed = fields.Boolean()
    refused = fields.String(allow_none=True, metadata={"description": "the code a request would be refused with"})
    detail = fields.String(allow_none=True)


class WithdrawalRulesShape(Schema):
    currency = fields.String()
    min_payout = fields.Integer()
    available = fields.Integer(metadata={"description": "below zero: debt"})
    maximum = fields.Integer(metadata={"description": "the most that can be asked for now"})
    tax_bps = fields.Integer()
    fee = fields.Integer()
    method_freeze_hours = fields.Integer()
    payout_method = fields.Nested(PayoutMethodShape, allow_none=True)


# Serialising


def my_payout_shape(payout: PayoutRecord) -> dict[str, Any]:
    account, account_name = in_clear(payout.method_id, payout.account, payout.account_name)
    return {
        "id": public_id("pay", payout.id),
        "kind": payout.kind,
        "status": payout.status,
        "status_at": payout.status_at,
        "amount": payout.amount,
        "tax": payout.tax,
        "fee": payout.fee,
        "net": payout.net,
        "currency": payout.currency,
        "rail": payout.rail,
        "rail_reference": payout.rail_reference,
        "payee_action": payout.payee_action,
        "failure": payout.failure,
        "payee": {
            "payout_method_id": public_id("pm", payout.method_id),
            "account": masked_account(account),
            "account_name": masked_holder(account_name),
        },
        "created_at": payout.created_at,
        "paid_at": payout.paid_at,
    }


def payout_shape(payout: PayoutRecord, members: Mapping[UUID, MemberCard]) -> dict[str, Any]:
    card = members.get(payout.member_id)
    return my_payout_shape(payout) | {
        "member_id": public_id("mem", payout.member_id),
        "member": member_card(card) if card else None,
        "settlement_id": public_id_or_none("stl", payout.settlement_id),
        "digest": payout.digest,
        "requested_by": _party(payout.requested_by_kind, payout.requested_by),
        "approved_by": public_id_or_none("stf", payout.approved_by),
        "approved_at": payout.approved_at,
    }


def _party(kind: str, party_id: UUID | None) -> dict[str, Any]:
    return {"kind": kind, "id": public_id_or_none(_PREFIXES.get(ActorKind(kind), "sys"), party_id)}


def attempt_shape(attempt: AttemptRecord) -> dict[str, Any]:
    return attempt._asdict() | {"id": public_id("att", attempt.id)}


def resolution_shape(resolution: ResolutionRecord) -> dict[str, Any]:
    return resolution._asdict() | {
        "proposed_by": public_id("stf", resolution.proposed_by),
        "confirmed_by": public_id_or_none("stf", resolution.confirmed_by),
    }


def timeline_shape(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [event._asdict() for event in events]


def quote_shape(quote: Quote, currency: str) -> dict[str, Any]:
    return {
        "amount": quote.amount,
        "tax": quote.tax,
        "fee": quote.fee,
        "net": quote.net,
        "currency": currency,
        "payout_method": method_shape(quote.method) if quote.method else None,
        "allowed": quote.refused is None,
        "refused": quote.refused and quote.refused.code,
        "detail": quote.refused and quote.refused.detail,
    }
