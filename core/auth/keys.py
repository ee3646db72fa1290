"""API keys: made, listed, revoked; several live at once for rotation without a gap. Callers hold the transaction."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.auth.access import KEY_SCOPES, PUBLISHABLE
from core.auth.service import hash_secret
from core.clock import now
from core.db import execute, fetch_all, fetch_one, scalar
from core.errors import Invalid, NotFound
from core.ids import base32_of, new_id

PREFIXES = {"secret": "sk", "publishable": "pk"}


class ApiKey(NamedTuple):
    """A key as it may be shown."""

    id: UUID
    kind: str
    name: str
    hint: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


def create_key(
    program_id: UUID,
    *,
    kind: str = "secret",
    name: str,
    scopes: Sequence[str] | None = None,
    created_by: UUID | None = None,
) -> tuple[UUID, str]:
    """A new key: its id, and the key itself, which is shown this once. `scopes` None: all that keys may have.

    Raises:
        Invalid: a scope that keys cannot hold.
    """
    granted = _checked_scopes(kind, scopes)
    number = scalar("SELECT number FROM programs WHERE id = %(program_id)s", program_id=program_id)
    if number is None:
        raise NotFound(f"There is no program {program_id}.")
    key = f"{PREFIXES[kind]}_{number}_{base32_of(UUID(bytes=secrets.token_bytes(16)))}{secrets.token_hex(4)}"
    key_id = new_id()
    execute(
        """INSERT INTO api_keys (program_id, id, kind, name, key_hash, hint, scopes, created_by, created_at)
           VALUES (%(program_id)s, %(id)s, %(kind)s, %(name)s, %(key_hash)s, %(hint)s, %(scopes)s, %(created_by)s,
                   %(at)s)""",
        program_id=program_id, id=key_id, kind=kind, name=name, key_hash=hash_secret(key), hint=key[-4:],
        scopes=granted, created_by=created_by, at=now(),
    )  # fmt: skip
    return key_id, key


def _checked_scopes(kind: str, scopes: Sequence[str] | None) -> list[str]:
    if kind == "publishable":
        return sorted(PUBLISHABLE)  # what visitors may call, and no more
    unknown = sorted(set(scopes or ()) - set(KEY_SCOPES))
    if unknown:
        raise Invalid.at("/scopes", f"Unknown: {', '.join(unknown)}. Keys may have: {', '.join(KEY_SCOPES)}.")
    return sorted(set(scopes)) if scopes is not None else list(KEY_SCOPES)


def keys_of(program_id: UUID, after: UUID | None = None, most: int | None = None) -> list[ApiKey]:
    """Keys of a program, newest first, revoked ones included; `after` and `most` make pages."""
    return fetch_all(
        ApiKey,
        """SELECT id, kind, name, hint, scopes, created_at, revoked_at FROM api_keys
           WHERE program_id = %(program_id)s AND (%(after)s::uuid IS NULL OR id < %(after)s)
           ORDER BY id DESC LIMIT %(most)s""",
        program_id=program_id, after=after, most=most,
    )  # fmt: skip


def key_of(program_id: UUID, key_id: UUID) -> ApiKey:
    """Raises: NotFound."""
    found = fetch_one(
        ApiKey,
        """SELECT id, kind, name, hint, scopes, created_at, revoked_at FROM api_keys
           WHERE program_id = %(program_id)s AND id = %(key_id)s""",
        program_id=program_id, key_id=key_id,
    )  # fmt: skip
    if found is None:
        raise NotFound()
    return found


def revoke_key(program_id: UUID, key_id: UUID) -> None:
    """End a key at the next request; again is no error.

    Raises:
        NotFound: no such key in the program.
    """
    revoked = execute(
        """UPDATE api_keys SET revoked_at = coalesce(revoked_at, %(at)s)
           WHERE program_id = %(program_id)s AND id = %(key_id)s""",
        program_id=program_id, key_id=key_id, at=now(),
    )  # fmt: skip
    if not revoked:
        raise NotFound()
