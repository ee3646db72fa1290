"""Staff: people with a role who sign in; a change of role, password or state ends their tokens. Callers commit."""

import secrets
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.auth import queries, tokens
from core.auth.access import Role
from core.auth.errors import EmailTaken, LastOwner, SignInRefused
from core.clock import now
from core.db import execute, fetch_all, fetch_one, scalar
from core.errors import NotFound
from core.ids import new_id

_hasher = PasswordHasher()


class StaffMember(NamedTuple):
    """A staff member as he may be shown."""

    id: UUID
    email: str
    name: str | None
    role: str
    disabled_at: datetime | None
    created_at: datetime


def create_staff(program_id: UUID, email: str, role: Role, name: str | None = None) -> tuple[UUID, str]:
    """A new staff member: his id and a generated password, shown this once.

    Raises:
        EmailTaken: the address signs in already, here or in another program.
    """
    password, staff_id = secrets.token_urlsafe(15), new_id()
    created = execute(
        """INSERT INTO staff (id, program_id, email, name, role, password_hash, token_version, created_at)
           VALUES (%(id)s, %(program_id)s, %(email)s, %(name)s, %(role)s, %(password_hash)s, 1, %(at)s)
           ON CONFLICT DO NOTHING""",
        id=staff_id, program_id=program_id, email=email.lower(), name=name, role=role.value,
        password_hash=_hasher.hash(password), at=now(),
    )  # fmt: skip
    if not created:
        raise EmailTaken()
    return staff_id, password


def staff_of(program_id: UUID, after: UUID | None = None, most: int | None = None) -> list[StaffMember]:
    """Staff of a program, newest first; `after` and `most` make pages."""
    return fetch_all(
        StaffMember,
        """SELECT id, email, name, role, disabled_at, created_at FROM staff
           WHERE program_id = %(program_id)s AND (%(after)s::uuid IS NULL OR id < %(after)s)
           ORDER BY id DESC LIMIT %(most)s""",
        program_id=program_id, after=after, most=most,
    )  # fmt: skip


def staff_member(program_id: UUID, staff_id: UUID) -> StaffMember:
    """Raises: NotFound."""
    found = fetch_one(
        StaffMember,
        """SELECT id, email, name, role, disabled_at, created_at FROM staff
           WHERE program_id = %(program_id)s AND id = %(staff_id)s""",
        program_id=program_id, staff_id=staff_id,
    )  # fmt: skip
    if found is None:
        raise NotFound()
    return found


def change_staff(program_id: UUID, staff_id: UUID, changes: dict[str, Any]) -> StaffMember:
    """Change name, role, `disabled` or password; all but the name end the person's tokens at the next request.

    Raises:
        NotFound: no such person in the program.
        LastOwner: nobody could administer the program afterwards.
    """
    # all owners of the program are locked, so that two owners cannot remove each other at once
    scalar("SELECT count(*) FROM (SELECT 1 FROM staff WHERE program_id = %(p)s ORDER BY id FOR UPDATE) s", p=program_id)
    before = staff_member(program_id, staff_id)
    disabled = changes.get("disabled", before.disabled_at is not None)
    password = changes.get("password")
    execute(
        """UPDATE staff SET name = %(name)s, role = %(role)s, disabled_at = %(disabled_at)s,
                  password_hash = coalesce(%(password_hash)s, password_hash), token_version = token_version + %(ends)s
           WHERE program_id = %(program_id)s AND id = %(staff_id)s""",
        program_id=program_id, staff_id=staff_id, name=changes.get("name", before.name),
        role=changes.get("role", before.role), disabled_at=(before.disabled_at or now()) if disabled else None,
        password_hash=_hasher.hash(password) if password else None, ends=int(bool(changes.keys() - {"name"})),
    )  # fmt: skip
    _require_owner(program_id)
    return staff_member(program_id, staff_id)


def _require_owner(program_id: UUID) -> None:
    owners = scalar(
        "SELECT count(*) FROM staff WHERE program_id = %(p)s AND role = 'owner' AND disabled_at IS NULL", p=program_id
    )
    if not owners:
        raise LastOwner()


def sign_in(email: str, password: str) -> dict[str, Any]:
    """`{access_token, expires_in}` for the right password; takes as long for an unknown address.

    Raises:
        SignInRefused: unknown address, wrong password or a disabled person, not told apart.
    """
    found = queries.sign_in_of(email.lower())
    genuine = _matches(found.password_hash if found else _decoy_hash(), password)
    if found is None or not genuine or found.disabled:
        raise SignInRefused()
    return tokens.issue(tokens.Claims("staff", found.id, found.program_id, found.token_version), tokens.STAFF_TTL)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(15))
