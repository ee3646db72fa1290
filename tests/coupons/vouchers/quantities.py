"""The books of a coupon's quantity: what must be true of its rows whenever nobody is at work."""

from typing import Any, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one, transaction
from core.ids import parse_public_id
from tests.clients import TestProgram


class Quantities(NamedTuple):
    """Where a coupon's units are."""

    total: int | None
    left: int
    claims: int
    redemptions: int


class _Uneven(NamedTuple):
    customer_id: UUID
    taken: int
    has: int


def quantities_of(program: TestProgram, coupon: UUID) -> Quantities:
    with transaction(program.id, read_only=True):
        found = fetch_one(
            Quantities,
            """SELECT c.total_quantity,
                 (SELECT coalesce(sum(left_units), 0)::bigint FROM coupon_stock s
                  WHERE s.program_id = c.program_id AND s.coupon_id = c.id),
                 (SELECT count(*) FROM coupon_codes k WHERE k.program_id = c.program_id AND k.coupon_id = c.id
                  AND k.kind = 'claimed' AND k.status IN ('active', 'reserved', 'redeemed')),
                 (SELECT count(*) FROM coupon_redemptions d
                  JOIN coupon_codes k ON k.program_id = d.program_id AND k.id = d.code_id
                  WHERE d.program_id = c.program_id AND d.coupon_id = c.id AND NOT d.recorded
                    AND k.kind IN ('shared', 'unique') AND d.status IN ('reserved', 'redeemed'))
               FROM coupons c WHERE c.program_id = %(program_id)s AND c.id = %(coupon_id)s""",
            program_id=program.id, coupon_id=coupon,
        )  # fmt: skip
    assert found is not None
    return found


def assert_quantities(program: TestProgram, coupon: UUID | dict[str, Any]) -> Quantities:
    """Every unit is in one place, and every customer is counted for what he has. Returns where the units are."""
    coupon_id = coupon if isinstance(coupon, UUID) else parse_public_id("cpn", coupon["id"])
    assert coupon_id is not None
    found = quantities_of(program, coupon_id)
    if found.total is not None:
        assert found.left >= 0
        assert found.total == found.left + found.claims + found.redemptions, found
    assert _uneven(program, coupon_id) == []
    assert _stray_codes(program, coupon_id) == 0
    return found


def _uneven(program: TestProgram, coupon_id: UUID) -> list[_Uneven]:
    """Customers whose count differs from what they have, of a coupon that limits them."""
    with transaction(program.id, read_only=True):
        return fetch_all(
            _Uneven,
            """WITH has AS (
                 SELECT k.customer_id, count(*) AS units FROM coupon_codes k
                 WHERE k.program_id = %(program_id)s AND k.coupon_id = %(coupon_id)s AND k.kind = 'claimed'
                   AND k.status IN ('active', 'reserved', 'redeemed') GROUP BY k.customer_id
                 UNION ALL
                 SELECT d.customer_id, count(*) FROM coupon_redemptions d
                 JOIN coupon_codes k ON k.program_id = d.program_id AND k.id = d.code_id
                 WHERE d.program_id = %(program_id)s AND d.coupon_id = %(coupon_id)s AND NOT d.recorded
                   AND d.customer_id IS NOT NULL AND k.kind <> 'claimed' AND d.status IN ('reserved', 'redeemed')
                 GROUP BY d.customer_id),
               summed AS (SELECT customer_id, sum(units)::bigint AS units FROM has GROUP BY customer_id),
               counted AS (SELECT customer_id, taken FROM coupon_customers
                           WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s)
               SELECT coalesce(c.customer_id, s.customer_id), coalesce(c.taken, 0), coalesce(s.units, 0)
               FROM counted c FULL JOIN summed s ON s.customer_id = c.customer_id
               WHERE coalesce(c.taken, 0) <> coalesce(s.units, 0) AND EXISTS (
                 SELECT 1 FROM coupons WHERE program_id = %(program_id)s AND id = %(coupon_id)s
                   AND per_customer_limit IS NOT NULL)""",
            program_id=program.id, coupon_id=coupon_id,
        )  # fmt: skip


class _Count(NamedTuple):
    count: int


def _stray_codes(program: TestProgram, coupon_id: UUID) -> int:
    """Codes for one order whose status is not that of their one live redemption."""
    with transaction(program.id, read_only=True):
        found = fetch_one(
            _Count,
            """SELECT count(*) FROM coupon_codes k WHERE k.program_id = %(program_id)s AND k.coupon_id = %(coupon_id)s
               AND k.kind <> 'shared' AND k.status NOT IN ('expired')
               AND (SELECT coalesce(max(d.status), 'active') FROM coupon_redemptions d
                    WHERE d.program_id = k.program_id AND d.code_id = k.id AND NOT d.recorded
                      AND d.status IN ('reserved', 'redeemed')) <> k.status""",
            program_id=program.id, coupon_id=coupon_id,
        )  # fmt: skip
    assert found is not None
    return found.count
