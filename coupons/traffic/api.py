"""Traffic over HTTP."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.paging import decode_cursor, page
from core.ids import Ref, parse_ref
from coupons.links.service import Link
from coupons.traffic.queries import KeySums, Position
from coupons.traffic.schemas import (
    KeySumsShape,
    OwnStatsShape,
    RankingQuery,
    SeriesQuery,
    StatsQuery,
    StatsShape,
    key_sums_shape,
    own_stats_shape,
    stats_shape,
)
from coupons.traffic.spans import Asked
from coupons.traffic.stats import Stats, codes_of, key_named, link_named, ranking, stats_of

blueprint = Blueprint("traffic", __name__)

_SUMS = (
    "Clicks and sales show within 5 s. What belongs to an order stands in the hour in which it was paid, less what was "
    "canceled, refunded or reversed since: late data changes earlier points."
)


@blueprint.get("/v1/links/<ref:ref>/stats")
@endpoint(
    "stats:read", summary="Clicks, orders and sales of a link", query=StatsQuery, answer=StatsShape,
    description=f"Of ended links too. {_SUMS}",
)  # fmt: skip
def show_link_stats(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    return stats_shape(_of_link(actor, link_named(actor.program_id, _link(ref)), query), actor.program.currency)


@blueprint.get("/v1/me/links/<ref:ref>/stats")
@endpoint(
    "me", summary="Clicks, orders and sales of my link", query=StatsQuery, answer=OwnStatsShape, description=_SUMS
)
def show_my_link_stats(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    link = link_named(actor.program_id, _link(ref), actor.id)
    return own_stats_shape(_of_link(actor, link, query), actor.program.currency)


@blueprint.get("/v1/stats")
@endpoint(
    "stats:read", summary="Links, campaigns, channels … with their sums, the greatest first", query=RankingQuery,
    answer=KeySumsShape, paged=True,
    description=f"{_SUMS} The ranking moves while clicks arrive: a key may pass from one page to another.",
)  # fmt: skip
def list_stats(actor: Actor, query: dict[str, Any]) -> Any:
    dimension, sort, limit = query["group_by"], query["sort"], query["limit"]
    rows = ranking(actor.program, dimension, sort, _asked(query), _position(query["cursor"]), limit + 1)
    codes = codes_of(actor.program_id, dimension, rows)

    def position(row: KeySums) -> tuple[int, str]:
        return getattr(row, sort), row.key

    return page(rows, limit, lambda row: key_sums_shape(row, dimension, codes), position)


@blueprint.get("/v1/stats/series")
@endpoint(
    "stats:read", summary="The series of the program, or of one link, campaign, channel …", query=SeriesQuery,
    answer=StatsShape, description=_SUMS,
)  # fmt: skip
def show_series(actor: Actor, query: dict[str, Any]) -> Any:
    key = key_named(query["dimension"], query["key"])
    stats = stats_of(actor.program, query["dimension"], key, query["interval"], _asked(query))
    return stats_shape(stats, actor.program.currency)


def _of_link(actor: Actor, link: Link, query: dict[str, Any]) -> Stats:
    return stats_of(actor.program, "link", str(link.id), query["interval"], _asked(query))


def _link(text: str) -> Ref:
    return parse_ref("lnk", text)


def _asked(query: dict[str, Any]) -> Asked:
    return Asked(query["from_"], query["to"])


def _position(cursor: str | None) -> Position | None:
    found = decode_cursor(cursor, 2)
    if found is None:
        return None
    value, key = found
    if not isinstance(value, int) or not isinstance(key, str):
        raise Invalid.at("/cursor", "Not a cursor of this list.")
    return Position(value, key)
