"""Coupons: made, changed, ended. Terms of money never change. Callers hold the transaction; nothing here commits."""

from typing import Any, LiteralString
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import execute
from core.errors import Invalid
from core.events.service import Event, announce
from core.ids import new_id
from coupons.vouchers import limits, queries, stock, supply
from coupons.vouchers.errors import CouponNotFound
from coupons.vouchers.models import CouponRow
from coupons.vouchers.queries import CouponRecord
from coupons.vouchers.rules import CouponStatus


def coupon_of(program_id: UUID, coupon_id: UUID) -> CouponRecord:
    """Raises: CouponNotFound."""
    found = queries.coupon(program_id, coupon_id)
    if found is None:
        raise CouponNotFound()
    return found


def create_coupon(program_id: UUID, terms: dict[str, Any]) -> CouponRecord:
    """A new coupon from a checked body: the columns of its row but for id, status and times."""
    at = now()
    record = CouponRecord(id=new_id(), status=CouponStatus.ACTIVE, created_at=at, updated_at=at, **terms)
    insert_rows(CouponRow, [record], program_id=program_id)
    if record.total_quantity is not None:
        stock.open_stock(program_id, record.id, record.total_quantity)
    announce(program_id, [Event("coupon.created", at, {"coupon_id": record.id})])
    return record


_CHANGE: LiteralString = "UPDATE coupons SET updated_at = %(at)s"
_SET: dict[str, LiteralString] = {
    "name": ", name = %(name)s",
    "valid_to": ", valid_to = %(valid_to)s",
    "total_quantity": ", total_quantity = %(total_quantity)s",
    "per_customer_limit": ", per_customer_limit = %(per_customer_limit)s",
    "status": ", status = %(status)s",
}


def change_coupon(program_id: UUID, coupon_id: UUID, changes: dict[str, Any]) -> CouponRecord:
    """Change name, end, quantities, or end it for good (status "ended"); codes that orders hold stay theirs.

    Raises:
        CouponNotFound: no such coupon in the program.
        Invalid: it would end before it begins, or have less than is taken already; or a quantity that was without
            limit would get one, or the other way round.
    """
    before = queries.coupon(program_id, coupon_id, lock=True)
    if before is None:
        raise CouponNotFound()
    wanted = {name: value for name, value in changes.items() if getattr(before, name) != value}
    _check_period(before, wanted)
    if "per_customer_limit" in wanted:
        limits.check_change(before.per_customer_limit, wanted["per_customer_limit"])
    if "total_quantity" in wanted:
        stock.change_total(program_id, coupon_id, before.total_quantity, wanted["total_quantity"])
        supply.forget_warnings(program_id, coupon_id)
    if wanted:
        statement = _CHANGE + "".join([_SET[name] for name in wanted])
        statement += " WHERE program_id = %(program_id)s AND id = %(id)s"
        execute(statement, program_id=program_id, id=coupon_id, at=now(), **wanted)
    return coupon_of(program_id, coupon_id)


def _check_period(before: CouponRecord, wanted: dict[str, Any]) -> None:
    valid_to = wanted.get("valid_to")
    if valid_to is not None and before.valid_from is not None and valid_to <= before.valid_from:
        raise Invalid.at("/valid_to", "Not after valid_from.")
