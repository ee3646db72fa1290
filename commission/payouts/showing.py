"""Payouts as staff and keys see them: rows, their members and their story, put together."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from commission.payouts import queries
from commission.payouts.errors import PayoutNotFound
from commission.payouts.queries import PayoutRecord
from commission.payouts.schemas import attempt_shape, payout_shape, resolution_shape, timeline_shape
from core.ids import parse_public_id
from referral.members.service import cards_of


def payout_id_of(ref: str) -> UUID:
    """Raises: PayoutNotFound, when the text is no payout's id."""
    payout_id = parse_public_id("pay", ref)
    if payout_id is None:
        raise PayoutNotFound()
    return payout_id


def shown(program_id: UUID, payouts: Sequence[PayoutRecord]) -> list[dict[str, Any]]:
    """Payouts with their members, in the given order."""
    members = cards_of(program_id, [one.member_id for one in payouts])
    return [payout_shape(one, members) for one in payouts]


def shown_ids(program_id: UUID, payout_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The same by id, in id order."""
    return shown(program_id, queries.payouts_of_ids(program_id, payout_ids))


def detail_of(program_id: UUID, payout_id: UUID) -> dict[str, Any]:
    """One payout with its timeline, attempts and resolutions.

    Raises:
        PayoutNotFound: it is not there.
    """
    found = shown_ids(program_id, [payout_id])
    if not found:
        raise PayoutNotFound()
    return found[0] | {
        "timeline": timeline_shape(queries.timeline(program_id, payout_id)),
        "attempts": [attempt_shape(one) for one in queries.attempts(program_id, payout_id)],
        "resolutions": [resolution_shape(one) for one in queries.resolutions(program_id, payout_id)],
    }
