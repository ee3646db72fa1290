"""Which clicks and links speak for an order, for rule 2 of API.md, *Commission plans*. Reads only, in sets.

Only counted clicks speak, and the one an order names: that may not have been shipped yet, so its time, link and visitor
come from its token, which nobody can forge.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from core.auth.actor import Program
from coupons.clicks import touch_queries as queries
from coupons.clicks.tokens import Click, open_token, seal, visitor_key_of
from coupons.clicks.touch_queries import MOST_CLICKS, Asked, Found, NamedClick
from coupons.links.service import Link

Refusal = Literal["unknown", "outside_window", "link_ended"]


class Named(NamedTuple):
    """What an order says about where its customer came from, and when it was paid."""

    click_id: str | None
    link_code: str | None
    visitor_id: str | None
    customer_id: UUID | None
    paid_at: datetime
    visitor_key: bytes | None = None  # instead of the visitor's id, where only his key was kept


class Touch(NamedTuple):
    """A click, or a link that the order names. What was refused is kept for the explanation."""

    kind: Literal["click", "link"]
    reference: str  # the click's public id, or the link's code
    click_id: UUID | None
    clicked_at: datetime | None  # None: of a link that was named, and of an unknown click
    link: Link | None  # with what rode on the click, which may have said it otherwise; None: unknown
    refused: Refusal | None
    visitor_key: bytes | None


def touches_of(program: Program, orders: Sequence[Named]) -> list[list[Touch]]:
    """The touches of each order: the named click, the named link, then at most ten counted clicks of its visitor and
    of its customer's known visitors within the window, in the order of the program's click model, then the newest
    click before the window as refused. One statement for all the clicks, one more if anything is named.
    """
    named = _named_touches(program, orders)
    found = _found_touches(program, orders)
    return [
        touches + [touch for touch in found.get(number, []) if touch.click_id not in {one.click_id for one in touches}]
        for number, touches in enumerate(named)
    ]


def _named_touches(program: Program, orders: Sequence[Named]) -> list[list[Touch]]:
    clicks = {order.click_id: open_token(program.id, order.click_id) for order in orders if order.click_id}
    codes = {order.link_code for order in orders if order.link_code}
    opened = {NamedClick(click.id, click.link_id, click.clicked_at) for click in clicks.values() if click}
    by_click, by_code = queries.named_links(program.id, opened, codes)
    window = _window(program)
    touches: list[list[Touch]] = [[] for _ in orders]
    for order, ours in zip(orders, touches, strict=True):
        if order.click_id:
            click = clicks[order.click_id]
            ours.append(_named_click(order.click_id, click, click and by_click.get(click.id), order.paid_at, window))
        if order.link_code:
            ours.append(_named_link(order.link_code, by_code.get(order.link_code), order.paid_at))
    return touches


def _named_click(token: str, click: Click | None, link: Link | None, paid_at: datetime, window: timedelta) -> Touch:
    if click is None or link is None:
        return Touch("click", token, None, None, None, "unknown", None)
    refused: Refusal | None = None if timedelta(0) <= paid_at - click.clicked_at <= window else "outside_window"
    # that its link ended later takes nothing from a click
    return Touch("click", token, click.id, click.clicked_at, link, refused, click.visitor_key)


def _named_link(code: str, link: Link | None, paid_at: datetime) -> Touch:
    """As if it had been clicked when the order was paid."""
    if link is None:
        return Touch("link", code, None, None, None, "unknown", None)
    end = end_of(link)
    refused: Refusal | None = "link_ended" if end is not None and end <= paid_at else None
    return Touch("link", code, None, None, link, refused, None)


def end_of(link: Link) -> datetime | None:
    """When the link expired, or expires, or was deleted, whatever is first. What happened before then stays valid."""
    return min((end for end in (link.deleted_at, link.expires_at) if end is not None), default=None)


def _found_touches(program: Program, orders: Sequence[Named]) -> dict[int, list[Touch]]:
    """The clicks of the orders' people, by the order's number."""
    asked = [
        Asked(number, order.visitor_key or _visitor_key(program.id, order.visitor_id), order.customer_id, order.paid_at)
        for number, order in enumerate(orders)
        if order.visitor_id or order.visitor_key or order.customer_id
    ]
    found: dict[int, list[Found]] = {}
    for click in queries.clicks_of(program.id, asked, _window(program), program.settings.attribution.click_model):
        found.setdefault(click.number, []).append(click)
    return {number: _ranked(program, clicks, orders[number].paid_at) for number, clicks in found.items()}


def _ranked(program: Program, clicks: Sequence[Found], paid_at: datetime) -> list[Touch]:
    newest_first = sorted(clicks, key=lambda click: (click.clicked_at, click.click_id), reverse=True)
    within = [click for click in newest_first if paid_at - click.clicked_at <= _window(program)]
    before = newest_first[len(within) :]
    if program.settings.attribution.click_model == "first":
        within.reverse()
    return [_touch(program.id, click, None) for click in within[:MOST_CLICKS]] + [
        _touch(program.id, click, "outside_window") for click in before[:1]
    ]


def _visitor_key(program_id: UUID, visitor_id: str | None) -> bytes | None:
    return visitor_key_of(program_id, visitor_id) if visitor_id else None


def _touch(program_id: UUID, click: Found, refused: Refusal | None) -> Touch:
    token = seal(program_id, Click(click.click_id, click.link.id, click.visitor_key))
    return Touch("click", token, click.click_id, click.clicked_at, click.link, refused, click.visitor_key)


def _window(program: Program) -> timedelta:
    return timedelta(days=program.settings.attribution.click_window_days)
