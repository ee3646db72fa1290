"""Every SELECT on signals, and what sweeps look at."""

from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from commission.orders.inspection import Seller
from core.clock import now
from core.db import fetch_all, fetch_one, scalar
from core.ids import first_id_at, made_at


class SignalRow(NamedTuple):
    """One row of `guard_signals` without program_id."""

    id: UUID
    signal: str
    policy: str
    order_id: UUID | None
    member_id: UUID | None
    subject: str
    evidence: dict[str, Any]
    status: str
    reason: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    created_at: datetime


_COLUMNS: LiteralString = """SELECT id, signal, policy, order_id, member_id, subject, evidence, status, reason,
       decided_by, decided_at, created_at
FROM guard_signals WHERE program_id = %(program_id)s"""


def signal(program_id: UUID, signal_id: UUID) -> SignalRow | None:
    return fetch_one(SignalRow, _COLUMNS + " AND id = %(id)s", program_id=program_id, id=signal_id)


class SignalFilter(NamedTuple):
    """What a list of signals is narrowed to; None: not narrowed."""

    signal: str | None = None
    status: str | None = None
    policy: str | None = None
    order_id: UUID | None = None
    member_id: UUID | None = None


_CONDITIONS: dict[str, LiteralString] = {
    "signal": " AND signal = %(signal)s",
    "status": " AND status = %(status)s",
    "policy": " AND policy = %(policy)s",
    "order_id": " AND order_id = %(order_id)s",
    "member_id": " AND member_id = %(member_id)s",
}


def signals(program_id: UUID, wanted: SignalFilter, before: UUID | None, most: int) -> list[SignalRow]:
    """Newest first."""
    given = {name: value for name, value in wanted._asdict().items() if value is not None}
    statement: LiteralString = _COLUMNS + "".join([_CONDITIONS[name] for name in given])
    return fetch_all(
        SignalRow,
        statement + " AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, before=before, most=most, **given,
    )  # fmt: skip


class _Order(NamedTuple):
    id: UUID
    member_id: UUID
    customer_id: UUID | None
    paid_at: datetime
    click_id: UUID | None
    source: str
    reference: str | None


_SOLD: LiteralString = """SELECT id, attributed_member_id, customer_id, paid_at, click_id, attribution_source,
       evidence -> 'accepted' ->> 'reference'
FROM orders WHERE program_id = %(program_id)s AND paid_at IS NOT NULL AND attributed_member_id IS NOT NULL"""


def sellers_between(program_id: UUID, after: UUID, until: UUID, most: int) -> list[Seller]:
    """Attributed orders whose ids lie between, by id."""
    rows = fetch_all(
        _Order,
        _SOLD + " AND id > %(after)s AND id < %(until)s ORDER BY id LIMIT %(most)s",
        program_id=program_id, after=after, until=until, most=most,
    )  # fmt: skip
    return [_seller(row) for row in rows]


def sellers_of(program_id: UUID, order_id: UUID) -> list[Seller]:
    """The order as the guard sees it; none where it is not attributed."""
    row = fetch_one(_Order, _SOLD + " AND id = %(order_id)s", program_id=program_id, order_id=order_id)
    return [_seller(row)] if row else []


def _seller(row: _Order) -> Seller:
    return Seller(
        order_id=row.id,
        member_id=row.member_id,
        customer_id=row.customer_id,
        paid_at=row.paid_at,
        clicked_at=made_at(row.click_id) if row.source == "click" and row.click_id else None,
        coupon_code=row.reference if row.source == "coupon" else None,
    )


def swept_to(program_id: UUID) -> UUID | None:
    found: UUID | None = scalar(
        "SELECT swept_to FROM guard_sweeps WHERE program_id = %(program_id)s", program_id=program_id
    )
    return found


class BusySource(NamedTuple):
    """An address or a visitor with many clicks in the last hour."""

    kind: str
    value: bytes
    clicks: int


def busy_sources(program_id: UUID, since: datetime, more_than: int) -> list[BusySource]:
    return fetch_all(
        BusySource,
        """SELECT s.source, s.value, count(*) FROM clicks c
           CROSS JOIN LATERAL (VALUES ('address', c.address_hash), ('visitor', c.visitor_key)) AS s (source, value)
           WHERE c.program_id = %(program_id)s AND c.id >= %(first)s AND c.clicked_at > %(since)s
             AND c.kind <> 'bot' AND s.value <> ''
           GROUP BY 1, 2 HAVING count(*) > %(more_than)s ORDER BY 3 DESC LIMIT 100""",
        program_id=program_id, first=first_id_at(since), since=since, more_than=more_than,
    )  # fmt: skip


def any_click(program_id: UUID) -> bool:
    """Whether the program had any in the last hour."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT 1 FROM clicks
                              WHERE program_id = %(program_id)s AND id >= %(first)s AND clicked_at > %(since)s)""",
            program_id=program_id, first=first_id_at(now() - timedelta(hours=1)), since=now() - timedelta(hours=1),
        )
    )  # fmt: skip
