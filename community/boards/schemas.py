"""JSON shapes of boards and of a member's own place."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from community.boards.privacy import NOBODY, Names, ShownMember
from community.boards.queries import Board, Fan, Standing
from community.boards.rules import Measure, Period
from community.boards.service import DaySums, OwnPlace
from core.http.fields import Day, Reference
from core.http.paging import MAX_LIMIT
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none

_MEASURES = [one.value for one in Measure]
_PERIODS = [one.value for one in Period]
_NAMES = [one.value for one in Names]


def _period() -> fields.String:
    return fields.String(load_default="month", validate=validate.OneOf(_PERIODS), metadata={"example": "month"})


def _day() -> Day:
    return Day(
        data_key="date", load_default=None,
        metadata={"description": "a day of the period, in the program's time zone; today unless said"},
    )  # fmt: skip


def _group(**options: Any) -> Reference:
    return Reference("grp", metadata={"description": "only what was sold in this group"}, **options)


class BoardQuery(Page):
    period = _period()
    day = _day()
    group_id = _group(load_default=None)


class FansQuery(Body):
    group_id = _group(required=True)
    day = _day()
    limit = fields.Integer(load_default=10, validate=validate.Range(1, MAX_LIMIT))


class DayQuery(Body):
    day = _day()
    group_id = _group(load_default=None)


class RankQuery(Body):
    measure = fields.String(load_default="sales", validate=validate.OneOf(_MEASURES))
    period = _period()
    day = _day()
    group_id = _group(load_default=None)


class PrivacyBody(Body):
    names = fields.String(required=True, validate=validate.OneOf(_NAMES), metadata={"example": "masked"})


class PrivacyShape(Schema):
    names = fields.String(
        validate=validate.OneOf(_NAMES),
        metadata={"description": "full; masked: the first character; hidden: neither name nor id"},
    )


class BoardMemberShape(Schema):
    id = fields.String(metadata={"example": "mem_01kbt1wz00fcyry88y1p63pagn"})
    name = fields.String(allow_none=True, metadata={"description": "as the member wants it shown", "example": "A**"})


class StandingShape(Schema):
    rank = fields.Integer(metadata={"description": "equal values share a rank", "example": 1})
    member = fields.Nested(
        BoardMemberShape, allow_none=True, metadata={"description": "null: hidden by the member's choice, or erased"}
    )
    value = fields.Integer(metadata={"description": "minor units, or a number of orders, people or points"})


class FanShape(Schema):
    member = fields.Nested(BoardMemberShape, allow_none=True)
    score = fields.Integer()
    orders = fields.Integer()
    spent = fields.Integer(metadata={"description": "minor units, less refunds"})
    check_ins = fields.Integer(metadata={"description": "days of activities, each once"})


class FansShape(Schema):
    data = fields.List(fields.Nested(FanShape))


class NextPlaceShape(Schema):
    value = fields.Integer(metadata={"description": "the least above mine"})
    distance = fields.Integer(metadata={"description": "what I lack to have as much"})


class OwnPlaceShape(Schema):
    measure = fields.String(validate=validate.OneOf(_MEASURES))
    period = fields.String(validate=validate.OneOf(_PERIODS))
    starts_on = fields.Date()
    rank = fields.Integer(allow_none=True, metadata={"description": "null: nothing of the measure yet"})
    value = fields.Integer()
    next = fields.Nested(NextPlaceShape, allow_none=True, metadata={"description": "null: nobody is above"})


class SoldProductShape(Schema):
    sku = fields.String()
    name = fields.String(allow_none=True)
    quantity = fields.Integer(metadata={"description": "units, less those that came back"})
    sales = fields.Integer(metadata={"description": "minor units, less refunds"})


class NewCouponShape(Schema):
    id = fields.String()
    name = fields.String()


class DaySumsShape(Schema):
    day = fields.Date()
    sales = fields.Integer(metadata={"description": "minor units, less refunds"})
    orders = fields.Integer(metadata={"description": "without canceled ones"})
    commission = fields.Integer()
    new_members = fields.Integer(metadata={"description": "of the program; 0 for a group"})
    new_customers = fields.Integer(metadata={"description": "who bought for the first time"})
    top_sellers = fields.List(fields.Nested(StandingShape))
    hot_products = fields.List(fields.Nested(SoldProductShape))
    new_coupons = fields.List(fields.Nested(NewCouponShape))


def standing_shape(one: Standing, members: Mapping[UUID, ShownMember]) -> dict[str, Any]:
    return {"rank": one.rank, "member": _member(one.member_id, members), "value": one.value}


def fan_shape(one: Fan, members: Mapping[UUID, ShownMember]) -> dict[str, Any]:
    return {
        "member": _member(one.member_id, members), "score": one.score, "orders": one.orders, "spent": one.spent,
        "check_ins": one.check_ins,
    }  # fmt: skip


def _member(member_id: UUID, members: Mapping[UUID, ShownMember]) -> dict[str, Any] | None:
    shown = members.get(member_id, NOBODY)
    return None if shown.id is None else {"id": public_id_or_none("mem", shown.id), "name": shown.name}


def own_place_shape(board: Board, place: OwnPlace) -> dict[str, Any]:
    above = None if place.next_value is None else {"value": place.next_value, "distance": place.distance}
    return {
        "measure": board.measure.value, "period": board.period, "starts_on": board.starts_on, "rank": place.rank,
        "value": place.value, "next": above,
    }  # fmt: skip


def day_sums_shape(sums: DaySums, members: Mapping[UUID, ShownMember]) -> dict[str, Any]:
    return {
        "day": sums.day.isoformat(), **sums.totals._asdict(),
        "top_sellers": [standing_shape(one, members) for one in sums.top_sellers],
        "hot_products": [one._asdict() for one in sums.hot_products],
        "new_coupons": [{"id": public_id("cpn", one.id), "name": one.name} for one in sums.new_coupons],
    }  # fmt: skip
