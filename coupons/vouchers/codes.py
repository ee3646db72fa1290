"""Codes of coupons: shared, unique, owned by a member. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute
from core.errors import Invalid
from core.ids import new_id
from coupons.vouchers import queries
from coupons.vouchers.code_texts import is_code, new_codes, normalised_code
from coupons.vouchers.definitions import coupon_of
from coupons.vouchers.errors import CodeInUse, CodeNotFound, CodeTaken, CouponEnded
from coupons.vouchers.models import CouponCodeRow
from coupons.vouchers.queries import CodeRecord, FoundCode
from coupons.vouchers.rules import CodeKind, CodeStatus, CouponStatus, validity_reason
from referral.members.service import find_living, register_erasure_step

_ROWS_AT_ONCE = 10_000


class CouponCard(NamedTuple):
    """As much of a coupon as is shown to whoever is offered its code."""

    code: str
    name: str
    kind: str
    amount: int | None
    percent_bps: int | None
    min_spend: int
    valid_to: datetime | None


class WantedCode(NamedTuple):
    """A code to be made: with this text or a made one, for this owner or for nobody."""

    code: str | None = None
    member_id: UUID | None = None


def find_codes(program_id: UUID, codes: Collection[str]) -> dict[str, FoundCode]:
    """The codes that exist, whatever their state, with their terms; by the code in capitals. One statement."""
    wanted = {code for code in map(normalised_code, codes) if is_code(code)}
    return {found.code: found for found in queries.found_codes(program_id, sorted(wanted))} if wanted else {}


def cards_of_codes(program_id: UUID, codes: Collection[str]) -> dict[str, CouponCard]:
    """How codes are offered, by the code in capitals; one that nobody can use any more is left out."""
    at = now()
    found = find_codes(program_id, codes)
    return {code: _card(one) for code, one in found.items() if _is_offered(one, at)}


def _is_offered(found: FoundCode, at: datetime) -> bool:
    """One that begins to be valid later is."""
    ended = found.coupon._replace(valid_from=None)
    gone = found.expires_at is not None and found.expires_at <= at
    return found.status == CodeStatus.ACTIVE and not gone and validity_reason(ended, at) is None


def _card(found: FoundCode) -> CouponCard:
    terms = found.coupon
    return CouponCard(
        found.code, found.coupon_name, terms.kind, terms.amount, terms.percent_bps, terms.min_spend, terms.valid_to
    )


def make_code(program_id: UUID, coupon_id: UUID, wanted: WantedCode) -> tuple[CodeRecord, bool]:
    """A code that everybody may use, and whether it is new: the same text for the same coupon and owner again is not.

    Raises:
        CouponNotFound: no such coupon in the program.
        CouponEnded: nobody could use the code.
        CodeTaken: the text is a code of another coupon or another owner.
        Invalid: the owner is no member.
    """
    _check_target(program_id, coupon_id, wanted.member_id)
    if wanted.code is None:
        (record,) = _insert_made(program_id, coupon_id, CodeKind.SHARED, wanted.member_id, 1)
        return record, True
    record = _record(coupon_id, normalised_code(wanted.code), CodeKind.SHARED, wanted.member_id, now())
    if _insert(program_id, [record]):
        return record, True
    return _same(program_id, record), False


def make_unique_codes(program_id: UUID, coupon_id: UUID, count: int, member_id: UUID | None) -> list[CodeRecord]:
    """So many made codes, each good for one order; at most MAX_CODES_AT_ONCE.

    Raises:
        CouponNotFound: no such coupon in the program.
        CouponEnded: nobody could use them.
        Invalid: the owner is no member.
    """
    _check_target(program_id, coupon_id, member_id)
    return _insert_made(program_id, coupon_id, CodeKind.UNIQUE, member_id, count)


def _check_target(program_id: UUID, coupon_id: UUID, member_id: UUID | None) -> None:
    if coupon_of(program_id, coupon_id).status == CouponStatus.ENDED:
        raise CouponEnded()
    if member_id is not None and find_living(program_id, member_id) is None:
        raise Invalid.at("/member_id", "There is no such member.")


def _insert_made(
    program_id: UUID, coupon_id: UUID, kind: CodeKind, member_id: UUID | None, count: int
) -> list[CodeRecord]:
    """Insert until there are `count`: a text that exists already is made anew."""
    inserted: list[CodeRecord] = []
    while len(inserted) < count:
        at = now()
        texts = new_codes(min(count - len(inserted), _ROWS_AT_ONCE))
        records = [_record(coupon_id, text, kind, member_id, at) for text in texts]
        inserted += _insert(program_id, records)
    return inserted


def _record(coupon_id: UUID, text: str, kind: CodeKind, member_id: UUID | None, at: datetime) -> CodeRecord:
    return CodeRecord(new_id(), coupon_id, text, kind, member_id, None, CodeStatus.ACTIVE, None, at, at)


def _insert(program_id: UUID, records: Sequence[CodeRecord]) -> list[CodeRecord]:
    """Those of the records whose text was free; they are sorted by it, so that two batches cannot deadlock."""
    new = insert_rows(
        CouponCodeRow, records, program_id=program_id, on_conflict="(program_id, code) DO NOTHING", returning="id"
    )
    ids = {code_id for (code_id,) in new}
    return [record for record in records if record.id in ids]


def _same(program_id: UUID, wanted: CodeRecord) -> CodeRecord:
    found = queries.code_by_text(program_id, wanted.code)
    if found is None:  # whoever had it rolled back meanwhile
        raise Collision()
    if (found.coupon_id, found.kind, found.member_id) != (wanted.coupon_id, wanted.kind, wanted.member_id):
        raise CodeTaken()
    return found


def disable_code(program_id: UUID, coupon_id: UUID, code_id: UUID) -> None:
    """Let nobody use the code any more; again changes nothing. An order that has reserved a shared one keeps it.

    Raises:
        CodeNotFound: the coupon has no such code.
        CodeInUse: an order has reserved or used this unique or claimed code.
    """
    # a claimed code is in the quantity: the sweep of what has run out gives that back
    changed = execute(
        """UPDATE coupon_codes
           SET status = CASE WHEN kind = 'claimed' THEN status ELSE 'expired' END,
               expires_at = CASE WHEN kind = 'claimed' THEN least(expires_at, %(at)s) ELSE expires_at END,
               updated_at = %(at)s
           WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s AND id = %(id)s AND status = 'active'""",
        program_id=program_id, coupon_id=coupon_id, id=code_id, at=now(),
    )  # fmt: skip
    if changed:
        return
    found = queries.code_by_id(program_id, coupon_id, code_id)
    if found is None:
        raise CodeNotFound()
    if found.status != CodeStatus.EXPIRED:
        raise CodeInUse()


def _disown(program_id: UUID, member_id: UUID) -> None:
    """The codes of a member who was erased go on, and attribute to nobody."""
    execute(
        """UPDATE coupon_codes SET member_id = NULL, updated_at = %(at)s
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s""",
        program_id=program_id, member_id=member_id, at=now(),
    )  # fmt: skip


register_erasure_step(_disown)
