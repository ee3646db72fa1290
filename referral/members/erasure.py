"""Erasure: the person goes, the books stay. Callers hold the transaction.

Only this feature's tables and the stored answers of requests hold personal data; ledger, orders, audit and outbox know
the member by his id. His place in the tree stays, for those below him are still there.
"""

from collections.abc import Callable
from uuid import UUID

from core.auth.member_tokens import end_member_tokens
from core.clock import now
from core.db import execute, scalar
from core.errors import NotFound
from core.ids import Ref
from core.jobs.outbox import publish
from referral.members import queries
from referral.members.errors import MoneyOpen

ErasureGuard = Callable[[UUID, UUID], str | None]
ErasureStep = Callable[[UUID, UUID], None]

_guards: list[ErasureGuard] = []
_steps: list[ErasureStep] = []


def register_erasure_guard(guard: ErasureGuard) -> None:
    """`guard(program_id, member_id)` runs inside the erasure's transaction and says in a sentence what money of the
    member is open, or None. Those who keep money stand above this feature and register here.
    """
    if guard not in _guards:
        _guards.append(guard)


def register_erasure_step(step: ErasureStep) -> None:
    """`step(program_id, member_id)` blanks in the erasure's transaction what a feature above keeps of the person."""
    if step not in _steps:
        _steps.append(step)


def erase(program_id: UUID, ref: Ref) -> UUID:
    """Blank a member and end his tokens; his id. Again changes nothing. His row is locked against new money.

    Raises:
        NotFound: no such member in the program.
        MoneyOpen: something is still owed to him or by him.
    """
    member_id = queries.id_of(program_id, ref)
    if member_id is None:
        raise NotFound("There is no such member.")
    # FOR UPDATE: rows that point to him, such as commissions, wait until this is decided
    status = scalar(
        "SELECT status FROM members WHERE program_id = %(program_id)s AND id = %(id)s FOR UPDATE",
        program_id=program_id, id=member_id,
    )  # fmt: skip
    if status != "erased":
        _refuse_open_money(program_id, member_id)
        _blank(program_id, member_id)
        for step in _steps:
            step(program_id, member_id)
        end_member_tokens(program_id, member_id)
        publish(program_id, "members.forget_answers", {"member_id": str(member_id)})
    return member_id


def _refuse_open_money(program_id: UUID, member_id: UUID) -> None:
    open_money = [found for guard in _guards if (found := guard(program_id, member_id))]
    if open_money:
        raise MoneyOpen(" ".join(open_money))


def _blank(program_id: UUID, member_id: UUID) -> None:
    execute(
        """UPDATE members SET external_id = NULL, content_hash = NULL, name = NULL, avatar_url = NULL,
                  phone_sealed = NULL, phone_hash = NULL, attributes = '{}', invite_code = NULL, status = 'erased',
                  updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=member_id, at=now(),
    )  # fmt: skip
    for statement in _FREE_TEXT:
        execute(statement, program_id=program_id, id=member_id)


_FREE_TEXT = (
    "DELETE FROM member_identities WHERE program_id = %(program_id)s AND member_id = %(id)s",
    "UPDATE member_bindings SET reason = NULL WHERE program_id = %(program_id)s AND member_id = %(id)s",
    "UPDATE member_enrolments SET reason = NULL WHERE program_id = %(program_id)s AND member_id = %(id)s",
)
