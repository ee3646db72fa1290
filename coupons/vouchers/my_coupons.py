"""What a member holds: coupons he claimed, and codes that he owns. Reads only."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all
from coupons.vouchers.rules import CodeStatus


class MyCoupon(NamedTuple):
    """A code with as much of its coupon's terms as its holder is shown."""

    id: UUID
    code: str
    code_kind: str
    is_owner: bool
    code_status: str
    expires_at: datetime | None
    created_at: datetime
    coupon_id: UUID
    name: str
    kind: str
    amount: int | None
    percent_bps: int | None
    min_spend: int
    max_discount: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    skus: list[str] | None
    categories: list[str] | None
    stackable: bool
    coupon_status: str

    def status_at(self, at: datetime) -> str:
        """A claim past its time has expired, whether the sweep has seen it or not."""
        ran_out = self.expires_at is not None and self.expires_at <= at
        return CodeStatus.EXPIRED if ran_out and self.code_status == CodeStatus.ACTIVE else self.code_status


def my_coupons(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[MyCoupon]:
    """Newest first. Each half is read from its own index, no further than the page."""
    return fetch_all(
        MyCoupon,
        """SELECT k.id, k.code, k.kind, k.customer_id IS DISTINCT FROM %(member_id)s, k.status, k.expires_at,
                  k.created_at, c.id, c.name, c.kind, c.amount, c.percent_bps, c.min_spend, c.max_discount,
                  c.valid_from, c.valid_to, c.skus, c.categories, c.stackable, c.status
           FROM (
             (SELECT * FROM coupon_codes WHERE program_id = %(program_id)s AND customer_id = %(member_id)s
                AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(most)s)
             UNION ALL
             (SELECT * FROM coupon_codes WHERE program_id = %(program_id)s AND member_id = %(member_id)s
                AND customer_id IS DISTINCT FROM %(member_id)s
                AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(most)s)
           ) k JOIN coupons c ON c.program_id = %(program_id)s AND c.id = k.coupon_id
           ORDER BY k.id DESC LIMIT %(most)s""",
        program_id=program_id, member_id=member_id, before=before, most=most,
    )  # fmt: skip
