"""JSON shapes of groups' statistics and digests."""

from typing import Any

from marshmallow import Schema, fields

from community.groups.digests import Digest
from community.groups.service import PREFIX
from community.groups.stats import GroupStats, Life
from core.http.fields import Day
from core.http.schemas import Body
from core.ids import public_id
from coupons.traffic.schemas import StatsQuery, SumsShape, sums_shape


class GroupStatsQuery(StatsQuery):
    """As of any traffic."""


class GroupSumsShape(SumsShape):
    joined = fields.Integer(metadata={"description": "stays that began", "example": 12})
    left = fields.Integer(metadata={"description": "stays that ended", "example": 2})
    messages_sent = fields.Integer(metadata={"example": 31})
    messages_refused = fields.Integer(metadata={"example": 0})


class GroupPointShape(GroupSumsShape):
    at = fields.String(
        metadata={"description": "the hour's beginning, or the day, or the month's first day", "example": "2026-01-31"}
    )


class GroupStatsShape(GroupSumsShape):
    currency = fields.String()
    interval = fields.String(metadata={"example": "day"})
    member_count = fields.Integer(metadata={"description": "in the group now", "example": 187})
    series = fields.List(fields.Nested(GroupPointShape), metadata={"description": "without a gap, oldest first"})


class DigestBody(Body):
    day = Day(required=True, metadata={"description": "of the program; not later than today"})


class DigestShape(Schema):
    group_id = fields.String(metadata={"example": "grp_01kbt1wz00fcyry88y1p63pagn"})
    day = fields.Date()
    text = fields.String(
        allow_none=True,
        metadata={"description": "null: it names somebody who was erased", "example": "2026-01-31: 42 orders, £525.00"},
    )
    made_at = fields.DateTime()


def group_stats_shape(stats: GroupStats, currency: str) -> dict[str, Any]:
    return {
        **sums_shape(stats.sums),
        **_life(stats.life),
        "currency": currency,
        "interval": stats.interval,
        "member_count": stats.member_count,
        "series": [{"at": point.at, **sums_shape(point.sums), **_life(point.life)} for point in stats.series],
    }


def _life(life: Life) -> dict[str, int]:
    return {
        "joined": life.joined, "left": life.left, "messages_sent": life.sent, "messages_refused": life.refused,
    }  # fmt: skip


def digest_shape(digest: Digest) -> dict[str, Any]:
    return {
        "group_id": public_id(PREFIX, digest.group_id),
        "day": digest.day,
        "text": digest.text,
        "made_at": digest.made_at,
    }
