"""Payout methods: where a member is paid. Accounts are encrypted for their row. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.payouts.rules import usable_from
from core.auth.actor import Actor, Program
from core.clock import now
from core.db import Collision, execute, fetch_all, fetch_one, scalar, scalars
from core.encryption import decrypt, encrypt, lookup_hash
from core.errors import NotFound
from core.ids import new_id
from referral.members.errors import MemberErased


class Method(NamedTuple):
    """A method with its account in clear: for the rail and for masking, never for a log."""

    id: UUID
    member_id: UUID
    kind: str
    account: str | None  # null: erased
    account_name: str | None
    is_default: bool
    usable_from: datetime
    created_at: datetime


class MethodChoice(NamedTuple):
    """Where a member is to be paid, or why not: no_payout_method | method_frozen | rail_not_chosen."""

    method_id: UUID | None
    rail: str | None
    refused: str | None


_LIVE: LiteralString = "WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND deleted_at IS NULL"
_FROM_LIVE: LiteralString = " FROM payout_methods " + _LIVE
_SELECT: LiteralString = (
    "SELECT id, member_id, kind, account, account_name, is_default, usable_from, created_at" + _FROM_LIVE
)
_ID: LiteralString = "SELECT id" + _FROM_LIVE
_UPDATE_DEFAULT: LiteralString = "UPDATE payout_methods SET is_default = %(is_default)s " + _LIVE  # noqa: S608 -- constants


def fingerprint(kind: str, account: str, account_name: str) -> bytes:
    """Keyed hash over what a rail is told of the payee."""
    return lookup_hash("payout_account", f"{kind}\0{account}\0{account_name}")


class _NewMethod(NamedTuple):
    """A method as it is asked for, in clear."""

    kind: str
    account: str
    account_name: str

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self.kind, self.account, self.account_name)


def add_method(
    program: Program, member_id: UUID, actor: Actor, *, kind: str, account: str, account_name: str, default: bool
) -> tuple[Method, bool]:
    """A new method, or the one there is with this content; and whether it is new.

    The member's very first is usable at once and the default. A later one is frozen for the program's
    `method_freeze_hours`, also when all before it were deleted: else a stolen account would be paid at once.

    Raises:
        Collision: another one of the member was made at this very moment.
        MemberErased: there is nobody to pay any more.
    """
    new = _NewMethod(kind, account, account_name)
    _require_living(program.id, member_id)
    _lock_methods(program.id, member_id)
    known = _method_with(program.id, member_id, new.fingerprint)
    method_id = known or _insert(program, member_id, actor, new)
    if default or not _default_of(program.id, member_id):
        _make_default(program.id, member_id, method_id)
    return method_of(program.id, member_id, method_id), known is None


def methods_of(program_id: UUID, member_id: UUID) -> list[Method]:
    """The member's methods, oldest first."""
    rows = fetch_all(
        Method,
        _SELECT + " ORDER BY id",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
    return [_in_clear(row) for row in rows]


def method_of(program_id: UUID, member_id: UUID, method_id: UUID) -> Method:
    """One method of the member.

    Raises:
        NotFound: it is not there, deleted or another member's.
    """
    row = fetch_one(
        Method,
        _SELECT + " AND id = %(id)s",
        program_id=program_id, member_id=member_id, id=method_id,
    )  # fmt: skip
    if row is None:
        raise NotFound("The member has no such payout method.")
    return _in_clear(row)


def delete_method(program_id: UUID, member_id: UUID, method_id: UUID) -> None:
    """Take a method away; the newest of the others becomes the default where this one was.

    Payouts to it that were not sent yet fail when their turn comes; what a rail already has goes on.

    Raises:
        NotFound: it is not there.
    """
    _lock_methods(program_id, member_id)
    was_default = method_of(program_id, member_id, method_id).is_default
    execute(
        "UPDATE payout_methods SET deleted_at = %(at)s WHERE program_id = %(program_id)s AND id = %(id)s",
        program_id=program_id, id=method_id, at=now(),
    )  # fmt: skip
    if was_default and (left := methods_of(program_id, member_id)):
        _make_default(program_id, member_id, left[-1].id)


def methods_for(
    program_id: UUID, member_ids: Sequence[UUID], *, rails: Sequence[str] | None, at: datetime
) -> dict[UUID, MethodChoice]:
    """Each member's default method, or why it cannot be paid to now. `rails` None: any."""
    rows = fetch_all(
        _Default,
        """SELECT member_id, id, kind, usable_from FROM payout_methods
           WHERE program_id = %(program_id)s AND member_id = ANY(%(ids)s) AND is_default AND deleted_at IS NULL""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip
    chosen = {row.member_id: _choice(row, rails, at) for row in rows}
    none = MethodChoice(None, None, "no_payout_method")
    return {member_id: chosen.get(member_id, none) for member_id in member_ids}


class _Default(NamedTuple):
    member_id: UUID
    id: UUID
    kind: str
    usable_from: datetime


def _choice(row: _Default, rails: Sequence[str] | None, at: datetime) -> MethodChoice:
    if rails is not None and row.kind not in rails:
        return MethodChoice(None, None, "rail_not_chosen")
    if row.usable_from > at:
        return MethodChoice(None, None, "method_frozen")
    return MethodChoice(row.id, row.kind, None)


def erase_methods(program_id: UUID, member_id: UUID) -> None:
    """Blank the member's accounts. The rows stay, because payouts name them."""
    execute(
        """UPDATE payout_methods SET account = NULL, account_name = NULL, deleted_at = coalesce(deleted_at, %(at)s)
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s""",
        program_id=program_id, member_id=member_id, at=now(),
    )  # fmt: skip


def _require_living(program_id: UUID, member_id: UUID) -> None:
    # the lock waits for an erasure that is under way, which would otherwise miss the new row
    living = scalar(
        """SELECT 1 FROM members WHERE program_id = %(program_id)s AND id = %(member_id)s AND status <> 'erased'
           FOR KEY SHARE""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
    if not living:
        raise MemberErased()


def _lock_methods(program_id: UUID, member_id: UUID) -> None:
    # two changes of the default at once would leave two, which the database refuses
    scalars(_ID + " ORDER BY id FOR UPDATE", program_id=program_id, member_id=member_id)


def _method_with(program_id: UUID, member_id: UUID, print_: bytes) -> UUID | None:
    found: UUID | None = scalar(
        _ID + " AND fingerprint = %(fingerprint)s",
        program_id=program_id, member_id=member_id, fingerprint=print_,
    )  # fmt: skip
    return found


def _default_of(program_id: UUID, member_id: UUID) -> UUID | None:
    found: UUID | None = scalar(_ID + " AND is_default", program_id=program_id, member_id=member_id)
    return found


def _insert(program: Program, member_id: UUID, actor: Actor, new: _NewMethod) -> UUID:
    first = not scalar(
        "SELECT EXISTS (SELECT 1 FROM payout_methods WHERE program_id = %(p)s AND member_id = %(member_id)s)",
        p=program.id, member_id=member_id,
    )  # fmt: skip
    at, method_id = now(), new_id()
    # the first is the default from the start: of two first ones at once the index lets one through
    inserted = execute(
        """INSERT INTO payout_methods (program_id, id, member_id, kind, account, account_name, fingerprint, is_default,
                                       usable_from, created_at, created_by_kind, created_by)
           VALUES (%(program_id)s, %(id)s, %(member_id)s, %(kind)s, %(account)s, %(account_name)s, %(fingerprint)s,
                   %(is_default)s, %(usable_from)s, %(at)s, %(actor_kind)s, %(actor_id)s) ON CONFLICT DO NOTHING""",
        program_id=program.id, id=method_id, member_id=member_id, kind=new.kind,
        account=encrypt(new.account, method_id), account_name=encrypt(new.account_name, method_id),
        fingerprint=new.fingerprint, is_default=first, at=at,
        usable_from=usable_from(at, program.settings.method_freeze_hours, first=first), actor_kind=actor.kind.value,
        actor_id=actor.id,
    )  # fmt: skip
    if not inserted:
        raise Collision()
    return method_id


def _make_default(program_id: UUID, member_id: UUID, method_id: UUID) -> None:
    # two statements: the index that allows one default is checked row by row
    execute(
        _UPDATE_DEFAULT + " AND is_default AND id <> %(id)s",
        program_id=program_id, member_id=member_id, id=method_id, is_default=False,
    )  # fmt: skip
    execute(
        _UPDATE_DEFAULT + " AND id = %(id)s",
        program_id=program_id, member_id=member_id, id=method_id, is_default=True,
    )  # fmt: skip


def in_clear(method_id: UUID, account: str | None, account_name: str | None) -> tuple[str | None, str | None]:
    """A method's stored account and name, decrypted; None for what was erased."""
    opened = [None if sealed is None else decrypt(sealed, method_id) for sealed in (account, account_name)]
    return opened[0], opened[1]


def _in_clear(row: Method) -> Method:
    account, account_name = in_clear(row.id, row.account, row.account_name)
    return row._replace(account=account, account_name=account_name)
