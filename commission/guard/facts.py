"""Every SELECT behind a signal: one statement for any number of orders, and none for a signal not asked for."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from commission.guard.rules import Facts
from commission.orders.inspection import Seller
from core.clock import now
from core.db import fetch_all
from core.ids import first_id_at

# the settings' own thresholds stay below these
_LATEST_REDEMPTIONS = 200
_NEWEST_VISITORS = 20  # of a customer
_NEWEST_CLICKS = 200  # of a visitor, and from an address
_MOST_MEMBERS = 100  # counted on one device


def facts_of(program_id: UUID, sellers: Sequence[Seller], wanted: Collection[str]) -> list[Facts]:
    """What is known around each order, as far as the wanted signals need it."""
    found: list[dict[str, Any]] = [{} for _ in sellers]
    for signal, read in _READERS.items():
        if signal in wanted:
            for place, values in read(program_id, sellers):
                found[place] |= values
    return [Facts(**values) for values in found]


_Found = list[tuple[int, dict[str, Any]]]


class _Shared(NamedTuple):
    place: int
    phone: bool
    device: bool
    payout_account: bool


def _shared(program_id: UUID, sellers: Sequence[Seller]) -> _Found:
    rows = fetch_all(
        _Shared,
        """SELECT (t.place - 1)::int,
             EXISTS (SELECT FROM members a JOIN members b ON b.program_id = a.program_id AND b.phone_hash = a.phone_hash
                     WHERE a.program_id = %(program_id)s AND a.id = t.customer AND b.id = t.member),
             EXISTS (SELECT FROM visitor_members a
                     JOIN visitor_members b ON b.program_id = a.program_id AND b.visitor_key = a.visitor_key
                     WHERE a.program_id = %(program_id)s AND a.member_id = t.customer AND b.member_id = t.member),
             EXISTS (SELECT FROM payout_methods a
                     JOIN payout_methods b ON b.program_id = a.program_id AND b.fingerprint = a.fingerprint
                     WHERE a.program_id = %(program_id)s AND a.member_id = t.customer AND b.member_id = t.member)
           FROM unnest(%(customers)s::uuid[], %(members)s::uuid[]) WITH ORDINALITY AS t (customer, member, place)
           WHERE t.customer <> t.member""",
        program_id=program_id, customers=[one.customer_id for one in sellers],
        members=[one.member_id for one in sellers],
    )  # fmt: skip
    return [(row.place, {"shared": [name for name in _Shared._fields[1:] if getattr(row, name)]}) for row in rows]


class _Device(NamedTuple):
    place: int
    device_members: int
    address_members: int


def _devices(program_id: UUID, sellers: Sequence[Seller]) -> _Found:
    """The addresses are those of the day before payment: their hashes change with the day.

    A shop may name one visitor in all its orders, and a town may share one address: no count goes further than it must.
    """
    rows = fetch_all(
        _Device,
        """SELECT (t.place - 1)::int, coalesce(d.members, 0)::int, coalesce(a.members, 0)::int
           FROM unnest(%(customers)s::uuid[], %(instants)s::timestamptz[]) WITH ORDINALITY AS t (customer, at, place)
           CROSS JOIN LATERAL (SELECT ARRAY(
             SELECT visitor_key FROM visitor_members
             WHERE program_id = %(program_id)s AND member_id = t.customer
             ORDER BY joined_at DESC LIMIT %(visitors)s) AS keys) own
           LEFT JOIN LATERAL (
             SELECT max(k.members) AS members FROM unnest(own.keys) AS v (visitor_key)
             CROSS JOIN LATERAL (
               SELECT count(*) AS members FROM (
                 SELECT FROM visitor_members
                 WHERE program_id = %(program_id)s AND visitor_key = v.visitor_key LIMIT %(members)s) m) k) d ON true
           LEFT JOIN LATERAL (
             SELECT max(k.members) AS members FROM (
               SELECT DISTINCT c.address_hash FROM unnest(own.keys) AS v (visitor_key)
               CROSS JOIN LATERAL (
                 SELECT address_hash FROM clicks
                 WHERE program_id = %(program_id)s AND visitor_key = v.visitor_key
                   AND clicked_at > t.at - interval '1 day' AND clicked_at <= t.at
                 ORDER BY clicked_at DESC LIMIT %(clicks)s) c
               WHERE c.address_hash <> '' LIMIT 5) h
             CROSS JOIN LATERAL (
               SELECT count(DISTINCT m.member_id) AS members FROM (
                 SELECT visitor_key FROM clicks
                 WHERE program_id = %(program_id)s AND address_hash = h.address_hash
                   AND clicked_at > t.at - interval '1 day' AND clicked_at <= t.at
                 ORDER BY clicked_at DESC LIMIT %(clicks)s) n
               CROSS JOIN LATERAL (
                 SELECT member_id FROM visitor_members
                 WHERE program_id = %(program_id)s AND visitor_key = n.visitor_key LIMIT %(members)s) m) k) a ON true
           WHERE t.customer IS NOT NULL""",
        program_id=program_id, customers=[one.customer_id for one in sellers],
        instants=[one.paid_at for one in sellers], visitors=_NEWEST_VISITORS, clicks=_NEWEST_CLICKS,
        members=_MOST_MEMBERS,
    )  # fmt: skip
    return [(row.place, {"device_members": row.device_members, "address_members": row.address_members}) for row in rows]


class _Sales(NamedTuple):
    member_id: UUID
    orders: int
    sales: int
    refunded: int


def _month(program_id: UUID, sellers: Sequence[Seller]) -> _Found:
    rows = {row.member_id: row for row in _sales_since(program_id, sellers, now() - timedelta(days=30))}
    return [
        (
            place,
            {
                "orders_30_days": rows[one.member_id].orders,
                "sales_30_days": rows[one.member_id].sales,
                "refunded_30_days": rows[one.member_id].refunded,
            },
        )
        for place, one in enumerate(sellers)
        if one.member_id in rows
    ]


def _hour(program_id: UUID, sellers: Sequence[Seller]) -> _Found:
    rows = {row.member_id: row.orders for row in _sales_since(program_id, sellers, now() - timedelta(hours=1))}
    return [(place, {"orders_last_hour": rows.get(one.member_id, 0)}) for place, one in enumerate(sellers)]


def _sales_since(program_id: UUID, sellers: Sequence[Seller], since: datetime) -> list[_Sales]:
    """By when orders came in, which their ids tell, so that one index answers."""
    return fetch_all(
        _Sales,
        """SELECT m.id, s.orders, s.sales, s.refunded
           FROM unnest(%(members)s::uuid[]) AS m (id)
           CROSS JOIN LATERAL (
             SELECT count(*) AS orders, coalesce(sum(o.total), 0)::bigint AS sales,
                    coalesce(sum(o.refunded), 0)::bigint AS refunded
             FROM orders o
             WHERE o.program_id = %(program_id)s AND o.attributed_member_id = m.id AND o.id >= %(first)s OFFSET 0) s""",
        program_id=program_id, members=sorted({one.member_id for one in sellers}), first=first_id_at(since),
    )  # fmt: skip


class _Leak(NamedTuple):
    code: str
    redemptions: int
    by_strangers: int


def _leaks(program_id: UUID, sellers: Sequence[Seller]) -> _Found:
    codes = sorted({one.coupon_code for one in sellers if one.coupon_code})
    if not codes:
        return []
    rows = fetch_all(
        _Leak,
        """SELECT c.code, r.redemptions::int, r.strangers::int
           FROM coupon_codes c
           CROSS JOIN LATERAL (
             SELECT count(*) AS redemptions, count(*) FILTER (WHERE NOT (
                      EXISTS (SELECT FROM members m WHERE m.program_id = c.program_id AND m.id = l.customer_id
                              AND m.inviter_id = c.member_id)
                      OR EXISTS (SELECT FROM visitor_members v
                                 JOIN clicks k ON k.program_id = v.program_id AND k.visitor_key = v.visitor_key
                                   AND k.member_id = c.member_id AND k.clicked_at > %(since)s
                                 WHERE v.program_id = c.program_id AND v.member_id = l.customer_id))) AS strangers
             FROM (SELECT customer_id FROM coupon_redemptions
                   WHERE program_id = c.program_id AND code_id = c.id
                     AND status = 'redeemed' AND customer_id IS NOT NULL
                   ORDER BY id DESC LIMIT %(most)s) l) r
           WHERE c.program_id = %(program_id)s AND c.code = ANY(%(codes)s) AND c.member_id IS NOT NULL""",
        program_id=program_id, codes=codes, since=now() - timedelta(days=90), most=_LATEST_REDEMPTIONS,
    )  # fmt: skip
    by_code = {row.code: {"redemptions": row.redemptions, "by_strangers": row.by_strangers} for row in rows}
    return [(place, by_code[one.coupon_code]) for place, one in enumerate(sellers) if one.coupon_code in by_code]


_READERS: dict[str, Callable[[UUID, Sequence[Seller]], _Found]] = {
    "self_referral": _shared,
    "shared_device": _devices,
    "refund_ratio": _month,
    "coupon_leak": _leaks,
    "velocity": _hour,
}
