"""The Idempotency-Key store. Key and answer are written in the transaction of the effect: all are there, or none."""

import hashlib
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg.errors

from core.clock import now
from core.db import execute, fetch_one, scalar
from core.errors import Conflict, Invalid

ANSWERS_KEPT = timedelta(days=30)
MAX_KEY_LENGTH = 255


class KeyReused(Conflict):
    code = "idempotency_key_reused"
    title = "The Idempotency-Key was used with another request"


class RequestInProgress(Conflict):
    code = "request_in_progress"
    title = "The first request with this Idempotency-Key still runs; repeat it later"


class KeyExpired(Conflict):
    code = "idempotency_key_expired"
    title = "The request had its effect, but its answer is no longer kept"


class Stored(NamedTuple):
    """The first answer to a key."""

    request_hash: bytes
    status: int | None
    answer: bytes | None


def request_hash(method: str, path: str, body: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def claim(program_id: UUID, credential_id: UUID, key: str, digest: bytes) -> Stored | None:
    """Take the key for this transaction; None means it is ours, else the first answer.

    A repeat while the first still runs waits here on the unique key, until the first commits or gives up.

    Raises:
        KeyReused: the key belongs to another request.
        KeyExpired: the answer is older than 30 days, or was a secret.
        RequestInProgress: the first takes longer than a statement may wait for a lock.
        Invalid: the key is empty or too long.
    """
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise Invalid(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} printable characters.")
    if _insert(program_id, credential_id, key, digest):
        return None
    stored = fetch_one(
        Stored,
        """SELECT request_hash, status, answer FROM idempotency_keys
           WHERE program_id = %(program_id)s AND credential_id = %(credential_id)s AND key = %(key)s""",
        program_id=program_id, credential_id=credential_id, key=key,
    )  # fmt: skip
    if stored is None:
        raise AssertionError("an idempotency key is never deleted")
    if stored.request_hash != digest:
        raise KeyReused()
    if stored.answer is None:
        raise KeyExpired()
    return stored


def was_carried_out(program_id: UUID, credential_id: UUID, key: str) -> bool:
    """Whether a request with this key had its effect: for what is done before the transaction that claims the key."""
    found = scalar(
        """SELECT 1 FROM idempotency_keys
           WHERE program_id = %(program_id)s AND credential_id = %(credential_id)s AND key = %(key)s""",
        program_id=program_id, credential_id=credential_id, key=key,
    )  # fmt: skip
    return found is not None


def _insert(program_id: UUID, credential_id: UUID, key: str, digest: bytes) -> int:
    try:
        return execute(
            """INSERT INTO idempotency_keys (program_id, credential_id, key, request_hash, created_at)
               VALUES (%(program_id)s, %(credential_id)s, %(key)s, %(digest)s, %(at)s) ON CONFLICT DO NOTHING""",
            program_id=program_id, credential_id=credential_id, key=key, digest=digest, at=now(),
        )  # fmt: skip
    except psycopg.errors.LockNotAvailable as error:
        raise RequestInProgress() from error


def keep(program_id: UUID, credential_id: UUID, key: str, status: int, answer: bytes | None) -> None:
    """Store the answer beside the effect. `answer` None: a secret, which is not kept."""
    execute(
        """UPDATE idempotency_keys SET status = %(status)s, answer = %(answer)s
           WHERE program_id = %(program_id)s AND credential_id = %(credential_id)s AND key = %(key)s""",
        program_id=program_id, credential_id=credential_id, key=key, status=status, answer=answer,
    )  # fmt: skip


def expire_answers(program_id: UUID) -> int:
    """Forget answers past their time; the keys stay for ever."""
    return execute(
        """UPDATE idempotency_keys SET answer = NULL
           WHERE program_id = %(program_id)s AND created_at < %(before)s AND answer IS NOT NULL""",
        program_id=program_id, before=now() - ANSWERS_KEPT,
    )  # fmt: skip


def forget_answers_naming(program_id: UUID, shown_id: str) -> int:
    """Forget the answers that show a resource, because what they say of it is to be erased; the keys stay."""
    return execute(
        """UPDATE idempotency_keys SET answer = NULL
           WHERE program_id = %(program_id)s AND answer IS NOT NULL AND position(%(shown_id)s::bytea IN answer) > 0""",
        program_id=program_id, shown_id=shown_id.encode(),
    )  # fmt: skip
