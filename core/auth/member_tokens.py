"""Member tokens: an access token of an hour and a refresh token used once. Callers hold the transaction."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.auth import tokens
from core.auth.service import hash_secret
from core.clock import now
from core.db import connection, execute
from core.errors import Unauthenticated
from core.ids import new_id

REFRESH_TTL = timedelta(days=30)


def issue_member_tokens(program_id: UUID, member_id: UUID) -> dict[str, Any]:
    """`{access_token, expires_in, refresh_token}` for a member of the program."""
    refresh = f"rt_{program_id.hex}_{secrets.token_urlsafe(24)}"
    execute(
        """INSERT INTO refresh_tokens (program_id, id, member_id, token_hash, created_at, expires_at)
           VALUES (%(program_id)s, %(id)s, %(member_id)s, %(token_hash)s, %(at)s, %(expires_at)s)""",
        program_id=program_id, id=new_id(), member_id=member_id, token_hash=hash_secret(refresh), at=now(),
        expires_at=now() + REFRESH_TTL,
    )  # fmt: skip
    access = tokens.issue(tokens.Claims("member", member_id, program_id, 0), tokens.MEMBER_TTL)
    return access | {"refresh_token": refresh}


def program_of_refresh_token(refresh: str) -> UUID:
    """The program a refresh token names, before it is checked.

    Raises:
        Unauthenticated: it is not a refresh token.
    """
    try:
        kind, program, _ = refresh.split("_", 2)
        if kind == "rt":
            return UUID(hex=program)
    except ValueError:
        pass
    raise Unauthenticated("The refresh token is not valid.")


def refresh_member_tokens(program_id: UUID, refresh: str) -> dict[str, Any]:
    """New tokens for a refresh token, which is spent by this.

    Raises:
        Unauthenticated: it is unknown, spent or expired.
    """
    spent = (
        connection()
        .execute(
            """UPDATE refresh_tokens SET used_at = %(at)s
           WHERE program_id = %(program_id)s AND token_hash = %(token_hash)s AND used_at IS NULL AND expires_at > %(at)s
           RETURNING member_id""",
            {"program_id": program_id, "token_hash": hash_secret(refresh), "at": now()},
        )
        .fetchone()
    )
    if spent is None:
        raise Unauthenticated("The refresh token is not valid.")
    return issue_member_tokens(program_id, spent[0])


def end_member_tokens(program_id: UUID, member_id: UUID) -> None:
    """Forget a member's refresh tokens; the access token ends by itself within the hour or by the member gate."""
    execute(
        "DELETE FROM refresh_tokens WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
