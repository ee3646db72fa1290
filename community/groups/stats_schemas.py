"""JSON shapes of groups' statistics and digests."""

from typing import Any

from marshmallow import fields

from community.groups.stats import GroupStats, Life
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
