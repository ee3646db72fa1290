"""Coupons and their codes as JSON, from plain rows. The documented shapes are in `schemas`."""

from collections.abc import Sequence
from typing import Any

from core.clock import now
from core.ids import public_id, public_id_or_none
from coupons.vouchers.queries import CodeRecord, CouponRecord
from coupons.vouchers.rules import CodeStatus

CODES_SHOWN = 1000


def coupon_shape(coupon: CouponRecord, taken: int | None) -> dict[str, Any]:
    return coupon._asdict() | {"id": public_id("cpn", coupon.id), "taken": taken}


def code_shape(code: CodeRecord) -> dict[str, Any]:
    return {
        "id": public_id("cod", code.id),
        "code": code.code,
        "coupon_id": public_id("cpn", code.coupon_id),
        "kind": code.kind,
        "member_id": public_id_or_none("mem", code.member_id),
        "status": code_status(code),
        "expires_at": code.expires_at,
        "created_at": code.created_at,
    }


def code_status(code: CodeRecord) -> str:
    """A code that has run out is expired from that moment on, whether the sweep has seen it or not."""
    ran_out = code.status == CodeStatus.ACTIVE and code.expires_at is not None and code.expires_at <= now()
    return CodeStatus.EXPIRED.value if ran_out else code.status


def many_codes_shape(codes: Sequence[CodeRecord]) -> dict[str, Any]:
    return {"count": len(codes), "codes": [code.code for code in codes[:CODES_SHOWN]]}
