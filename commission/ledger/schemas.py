"""JSON shapes of balances, statements, the trial balance and transactions."""

from datetime import datetime
from typing import Any

import orjson
from marshmallow import Schema, fields

from commission.ledger.books import Booked
from commission.ledger.queries import AccountTotals
from commission.ledger.rules import Balance
from commission.ledger.statements import Account, Line
from core.http.fields import Day, Identifier, Instant, Reference, Text
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none


class BucketsShape(Schema):
    pending = fields.Integer(metadata={"description": "earned, on hold"})
    available = fields.Integer(metadata={"description": "can be paid out; below zero: owed by the member"})
    in_payout = fields.Integer(metadata={"description": "reserved for payouts on their way"})
    paid = fields.Integer(metadata={"description": "paid out so far"})


class BalanceShape(BucketsShape):
    currency = fields.String()
    debt = fields.Integer(metadata={"description": "what `available` lacks to zero"})


def balance_shape(currency: str, balance: Balance) -> dict[str, Any]:
    return {"currency": currency} | balance._asdict() | {"debt": balance.debt}


class StatementQuery(Page):
    from_ = Day(load_default=None, data_key="from", metadata={"description": "first day; none: since ever"})
    to = Day(load_default=None, metadata={"description": "last day, included; none: all there is"})


class StatementLineShape(BucketsShape):
    date = fields.Date(metadata={"description": "the day it counts for, in the program's time zone"})
    kind = fields.String()
    transaction_id = fields.String()
    order_id = fields.String(allow_none=True)
    payout_id = fields.String(allow_none=True)
    balance = fields.Nested(BucketsShape, metadata={"description": "after this line"})


class StatementShape(Schema):
    currency = fields.String()
    from_ = fields.Date(data_key="from", allow_none=True)
    to = fields.Date(allow_none=True)
    opening = fields.Nested(BucketsShape, metadata={"description": "before the first day"})
    closing = fields.Nested(BucketsShape, metadata={"description": "after the last day"})
    data = fields.List(fields.Nested(StatementLineShape), metadata={"description": "earliest first"})
    next_cursor = fields.String(allow_none=True)


def statement_shape(account: Account, opening: Balance, closing: Balance, lines: dict[str, Any]) -> dict[str, Any]:
    return {
        "currency": account.currency,
        "from": account.since,
        "to": account.until,
        "opening": opening._asdict(),
        "closing": closing._asdict(),
    } | lines


def line_shape(line: Line) -> dict[str, Any]:
    return {
        "date": line.effective_on,
        "kind": line.kind,
        "transaction_id": public_id("ltx", line.transaction_id),
        "order_id": public_id_or_none("ord", line.order_id),
        "payout_id": public_id_or_none("pay", line.payout_id),
        **line.change._asdict(),
        "balance": line.after._asdict(),
    }


class TrialBalanceQuery(Body):
    as_of = Instant(load_default=None, metadata={"description": "what was recorded up to then; none: everything"})


class AccountShape(Schema):
    code = fields.String()
    currency = fields.String()
    debit = fields.Integer()
    credit = fields.Integer()
    balance = fields.Integer(metadata={"description": "credit less debit"})


class TrialBalanceShape(Schema):
    as_of = fields.DateTime()
    accounts = fields.List(fields.Nested(AccountShape))
    balanced = fields.Boolean(metadata={"description": "debits equal credits in every currency"})


def trial_balance_shape(as_of: datetime, totals: list[AccountTotals]) -> dict[str, Any]:
    sums: dict[str, int] = {}
    for account in totals:
        sums[account.currency] = sums.get(account.currency, 0) + account.credit - account.debit
    return {
        "as_of": as_of,
        "accounts": [_account_shape(account) for account in totals],
        "balanced": not any(sums.values()),
    }


def _account_shape(account: AccountTotals) -> dict[str, Any]:
    return {
        "code": account.account,
        "currency": account.currency,
        "debit": account.debit,
        "credit": account.credit,
        "balance": account.credit - account.debit,
    }


class TransactionQuery(Page):
    member_id = Reference("mem", load_default=None)
    kind = Text(100, load_default=None)
    order_id = Identifier("ord", load_default=None)
    payout_id = Identifier("pay", load_default=None)


class PostingShape(Schema):
    account = fields.String()
    member_id = fields.String(allow_none=True)
    currency = fields.String()
    amount = fields.Integer(metadata={"description": "credit above zero, debit below"})


class SealShape(Schema):
    seq = fields.Integer()
    hash = fields.String()


class TransactionShape(Schema):
    id = fields.String()
    kind = fields.String()
    order_id = fields.String(allow_none=True)
    payout_id = fields.String(allow_none=True)
    note = fields.Dict(allow_none=True)
    recorded_at = fields.DateTime()
    effective_on = fields.Date()
    postings = fields.List(fields.Nested(PostingShape))
    seal = fields.Nested(SealShape, allow_none=True, metadata={"description": "null: not sealed yet"})


def transaction_shape(booked: Booked) -> dict[str, Any]:
    transaction = booked.transaction
    return {
        "id": public_id("ltx", transaction.id),
        "kind": transaction.kind,
        "order_id": public_id_or_none("ord", transaction.order_id),
        "payout_id": public_id_or_none("pay", transaction.payout_id),
        "note": None if transaction.note is None else orjson.loads(transaction.note),
        "recorded_at": transaction.recorded_at,
        "effective_on": transaction.effective_on,
        "postings": [
            {"account": one.account, "member_id": public_id_or_none("mem", one.member_id), "currency": one.currency,
             "amount": one.amount}
            for one in booked.postings
        ],
        "seal": booked.seal and {"seq": booked.seal.seq, "hash": booked.seal.hash.hex()},
    }  # fmt: skip
