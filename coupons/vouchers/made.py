"""Which coupons are new, for whoever tells of a day. SELECTs only."""

from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from core.auth.actor import Program
from core.clock import midnight
from core.db import fetch_all
from core.ids import first_id_at


class MadeCoupon(NamedTuple):
    """A coupon as far as it is told of; `total_quantity` None: no limit."""

    id: UUID
    name: str
    kind: str
    amount: int | None
    percent_bps: int | None
    min_spend: int
    total_quantity: int | None
    valid_to: datetime | None


def coupons_made_on(program: Program, day: date, most: int) -> list[MadeCoupon]:
    """Coupons made on a day of the program and still active, the newest first. An id tells when it was made."""
    begin, end = (midnight(one, program.settings.timezone) for one in (day, day + timedelta(days=1)))
    return fetch_all(
        MadeCoupon,
        """SELECT id, name, kind, amount, percent_bps, min_spend, total_quantity, valid_to FROM coupons
           WHERE program_id = %(program_id)s AND id >= %(first)s AND id < %(last)s AND status = 'active'
           ORDER BY id DESC LIMIT %(most)s""",
        program_id=program.id, first=first_id_at(begin), last=first_id_at(end), most=most,
    )  # fmt: skip
