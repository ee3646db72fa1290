"""Claims of one packet that arrive in a process at the same moment, in one transaction. The one commit is here.

A hot packet is bound by what every transaction costs, not by its claims: a set of them costs little more than one.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import psycopg.errors

from community.red_packets.claims import Claimed, Outcome, claim, claim_many
from community.red_packets.errors import NoSuchMember
from community.red_packets.health import count_claim
from core.auth.actor import Program
from core.db import Collision, in_transaction, transaction
from core.errors import DomainError, Fault
from core.gathering import Gathering
from core.ids import ExternalRef, Ref
from referral.members import service as members

MOST = 200
_PATIENCE_MS = 200
"""How long a set waits for a row that somebody holds, before each of it waits by himself only."""


class _Ask(NamedTuple):
    program: Program
    member: Ref


def claim_for(program: Program, packet: Ref, member: Ref) -> Claimed:
    """A share for the member, or the one that he has: in the transaction that is open, else committed, together with
    others'.

    Raises:
        RedPacketNotFound: no such packet in the program.
        NotOpen, Expired, Finished: nobody can claim now, or nothing is left.
        NoSuchMember, NotInGroup, Suspended: this member cannot.
        Collision: nothing was written, for somebody holds what one of the set needs: to be repeated in a transaction
            of its own.
    """
    try:
        claimed = _alone(program, packet, member) if in_transaction() else _together(program, packet, member)
    except DomainError as refused:
        count_claim(refused.code)
        raise
    count_claim("claimed" if claimed.is_new else "again")
    return claimed


def _alone(program: Program, packet: Ref, member: Ref) -> Claimed:
    (member_id,) = _ids_of(program.id, [member])
    if member_id is None:
        raise _unknown()
    return claim(program, packet, member_id)


def _together(program: Program, packet: Ref, member: Ref) -> Claimed:
    outcome = _gathering.join((program.id, packet), _Ask(program, member))
    if outcome is None:
        raise Collision("the shares that are left are in other hands")
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _ids_of(program_id: UUID, refs: Sequence[Ref]) -> list[UUID | None]:
    """The members; None for an external id that names nobody."""
    named = members.known_members(program_id, [ref.external_id for ref in refs if isinstance(ref, ExternalRef)])
    return [named.get(ref.external_id) if isinstance(ref, ExternalRef) else ref for ref in refs]


def _claim_together(packet: tuple[UUID, Ref], asks: Sequence[_Ask]) -> list[Outcome]:
    """One transaction for all of them; a member who asks twice in a set has claimed by the first."""
    program_id, ref = packet
    try:
        with transaction(program_id, lock_timeout_ms=_PATIENCE_MS):
            ids = _ids_of(program_id, [ask.member for ask in asks])
            known = list(dict.fromkeys(member_id for member_id in ids if member_id is not None))
            outcomes = claim_many(asks[0].program, ref, known)
    except psycopg.errors.LockNotAvailable as error:
        raise Collision("somebody holds a row that one of the set needs") from error
    return [_unknown() if member_id is None else _pop_first(outcomes, member_id) for member_id in ids]


def _pop_first(outcomes: dict[UUID, Outcome], member_id: UUID) -> Outcome:
    """The member's outcome; from the second time on as something that he has already."""
    outcome = outcomes[member_id]
    if isinstance(outcome, Claimed):
        outcomes[member_id] = outcome._replace(is_new=False)
    return outcome


def _unknown() -> NoSuchMember:
    return NoSuchMember(faults=[Fault("/member_external_id", "There is no such member.")])


_gathering = Gathering(_claim_together, MOST)
