"""Codes that are good for one order, unique and claimed: their status, locked and changed by one rule."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import Collision, execute, fetch_all
from coupons.vouchers.parts import Part
from coupons.vouchers.rules import CodeKind, CodeStatus


class _Code(NamedTuple):
    id: UUID
    status: str
    expires_at: datetime | None

    def has_run_out(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


def move_codes(
    program_id: UUID, at: datetime, *, take: Iterable[Part] = (), to: CodeStatus = CodeStatus.REDEEMED,
    keep: Iterable[Part] = (), give: Sequence[Part] = (),
) -> list[Part]:  # fmt: skip
    """Give codes back, take others, and leave kept ones redeemed; the parts given back that are in no count any more.

    A shared or unique code is counted while an order has it; a claimed one from its claim on, until it runs out.

    Raises:
        Collision: one to be taken is not there any more.
    """
    given, taken, kept = (_single(parts) for parts in (give, take, keep))
    codes = {code.id: code for code in _locked(program_id, given | taken | kept)}
    ran_out = {code_id for code_id in given if codes[code_id].has_run_out(at)}
    after = {code_id: CodeStatus.EXPIRED if code_id in ran_out else CodeStatus.ACTIVE for code_id in given}
    for code_id in taken:
        code = codes[code_id]
        if after.get(code_id, code.status) != CodeStatus.ACTIVE or code.has_run_out(at):
            raise Collision("the code is gone")
    _set(program_id, at, after | dict.fromkeys(taken, to) | dict.fromkeys(kept, CodeStatus.REDEEMED))
    return [part for part in give if part.kind != CodeKind.CLAIMED or part.code_id in ran_out]


def _single(parts: Iterable[Part]) -> set[UUID]:
    return {part.code_id for part in parts if part.kind != CodeKind.SHARED}


def _locked(program_id: UUID, code_ids: Collection[UUID]) -> list[_Code]:
    if not code_ids:
        return []
    return fetch_all(
        _Code,
        """SELECT id, status, expires_at FROM coupon_codes
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE""",
        program_id=program_id, ids=list(code_ids),
    )  # fmt: skip


def _set(program_id: UUID, at: datetime, statuses: Mapping[UUID, CodeStatus]) -> None:
    if not statuses:
        return
    execute(
        """UPDATE coupon_codes k SET status = given.status, updated_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[]) AS given (id, status)
           WHERE k.program_id = %(program_id)s AND k.id = given.id""",
        program_id=program_id, ids=list(statuses), statuses=[status.value for status in statuses.values()], at=at,
    )  # fmt: skip
