"""JSON shapes of traffic."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from core.http.fields import Day, Instant, Text
from core.http.schemas import Body, Page
from coupons.traffic.queries import SORTS, KeySums
from coupons.traffic.rollups import DIMENSIONS, WHOLE_PROGRAM, Sums
from coupons.traffic.spans import DAY, INTERVALS, Moment
from coupons.traffic.stats import Stats, shown_key


class DayOrInstant(fields.Field[Moment]):
    """YYYY-MM-DD in the program's time zone, or an instant."""

    json_schema = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}  # noqa: RUF012 -- as every field of the house has it
    _day, _instant = Day(), Instant()

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime | date:  # fmt: skip
        field = self._day if isinstance(value, str) and len(value) == len("2026-01-31") else self._instant
        try:
            return field.deserialize(value, attr, data)  # type: ignore[no-any-return]  # one of two kinds
        except ValidationError as error:
            raise ValidationError(
                "Neither a day such as 2026-01-31 nor an instant such as 2026-01-31T08:00:00Z."
            ) from error


def _since() -> DayOrInstant:
    return DayOrInstant(
        load_default=None, data_key="from", metadata={"description": "a day, or an instant; none: 30 days before to"}
    )


def _until() -> DayOrInstant:
    return DayOrInstant(
        load_default=None, metadata={"description": "the last day, included, or an instant, excluded; none: now"}
    )


class StatsQuery(Body):
    from_ = _since()
    to = _until()
    interval = fields.String(
        load_default=DAY,
        validate=validate.OneOf(INTERVALS),
        metadata={"description": "hour: at most 31 days at once; day and month: three years"},
    )


class SeriesQuery(StatsQuery):
    dimension = fields.String(load_default=WHOLE_PROGRAM, validate=validate.OneOf([*DIMENSIONS, WHOLE_PROGRAM]))
    key = Text(
        load_default=None, metadata={"description": "an id where the dimension is link or member, else the word"}
    )


class RankingQuery(Page):
    group_by = fields.String(required=True, validate=validate.OneOf(DIMENSIONS))
    from_ = _since()
    to = _until()
    sort = fields.String(load_default="clicks", validate=validate.OneOf(SORTS))


class SumsShape(Schema):
    clicks = fields.Integer(metadata={"description": "without bots, prefetches and repeats", "example": 240})
    unique_clicks = fields.Integer(
        metadata={"description": "the first of a visitor on a link in a day", "example": 200}
    )
    bot_clicks = fields.Integer(metadata={"example": 12})
    orders = fields.Integer(metadata={"description": "paid then, less canceled ones", "example": 5})
    sales = fields.Integer(metadata={"description": "of orders paid then, less what was refunded since; minor units"})
    commission = fields.Integer(metadata={"description": "at all levels, less what was reversed since; minor units"})
    conversion = fields.Integer(
        allow_none=True,
        metadata={
            "description": "orders by unique clicks, in basis points; null without unique clicks",
            "example": 250,
        },
    )


class PointShape(SumsShape):
    at = fields.String(
        metadata={
            "description": "the hour's beginning, or the day, or the month's first day", "example": "2026-01-31",
        }
    )  # fmt: skip


class StatsShape(SumsShape):
    currency = fields.String()
    interval = fields.String(validate=validate.OneOf(INTERVALS))
    series = fields.List(fields.Nested(PointShape), metadata={"description": "without a gap, oldest first"})


class OwnStatsShape(StatsShape):
    """As the link's owner sees it: what his upline earns by it is not his to learn."""

    series = fields.List(fields.Nested(PointShape(exclude=("commission",))))

    class Meta:
        exclude = ("commission",)


class KeySumsShape(SumsShape):
    key = fields.String(metadata={"description": "the id of the link or member, or the word", "example": "spring-sale"})
    link_code = fields.String(allow_none=True, metadata={"description": "only with group_by=link", "example": None})


def stats_shape(stats: Stats, currency: str) -> dict[str, Any]:
    return sums_shape(stats.totals) | {
        "currency": currency,
        "interval": stats.interval,
        "series": [{"at": point.at, **sums_shape(point.sums)} for point in stats.series],
    }


def own_stats_shape(stats: Stats, currency: str) -> dict[str, Any]:
    shown = stats_shape(stats, currency)
    for sums in (shown, *shown["series"]):
        del sums["commission"]
    return shown


def key_sums_shape(row: KeySums, dimension: str, codes: dict[str, str]) -> dict[str, Any]:
    return {
        "key": shown_key(dimension, row.key),
        "link_code": codes.get(row.key),
        **sums_shape(Sums(*row[1:])),
    }


def sums_shape(sums: Sums) -> dict[str, Any]:
    conversion = sums.orders * 10_000 // sums.unique_clicks if sums.unique_clicks else None
    return {**sums._asdict(), "conversion": conversion}
