"""A program's mini-program and its secret, encrypted for its row. Callers hold the transaction."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_one
from core.encryption import decrypt, encrypt
from coupons.sharing.errors import MiniProgramMissing
from coupons.sharing.wechat.protocol import MiniProgram


@dataclass(frozen=True, slots=True)
class StoredMiniProgram:
    """A mini-program with its secret in clear: for WeChat and for masking, never for a log."""

    app_id: str
    app_secret: str = field(repr=False)
    env_version: str
    updated_at: datetime


class _Row(NamedTuple):
    app_id: str
    secret_sealed: str
    env_version: str
    updated_at: datetime


def find_mini_program(program_id: UUID) -> StoredMiniProgram | None:
    """The program's mini-program, if one is set up."""
    row = fetch_one(
        _Row,
        """SELECT app_id, secret_sealed, env_version, updated_at FROM mini_programs
           WHERE program_id = %(program_id)s""",
        program_id=program_id,
    )
    if row is None:
        return None
    return StoredMiniProgram(row.app_id, decrypt(row.secret_sealed, program_id), row.env_version, row.updated_at)


def mini_program_of(program_id: UUID) -> MiniProgram:
    """The credentials to call WeChat with.

    Raises:
        MiniProgramMissing: none is set up.
    """
    stored = find_mini_program(program_id)
    if stored is None:
        raise MiniProgramMissing()
    return MiniProgram(stored.app_id, stored.app_secret, stored.env_version)


def set_mini_program(
    program_id: UUID, staff_id: UUID, *, app_id: str, app_secret: str, env_version: str
) -> StoredMiniProgram:  # fmt: skip
    """Set the program's mini-program, in the place of what there was."""
    stored = StoredMiniProgram(app_id, app_secret, env_version, now())
    execute(
        """INSERT INTO mini_programs (program_id, app_id, secret_sealed, env_version, updated_at, updated_by)
           VALUES (%(program_id)s, %(app_id)s, %(sealed)s, %(env_version)s, %(at)s, %(staff_id)s)
           ON CONFLICT (program_id) DO UPDATE SET app_id = excluded.app_id, secret_sealed = excluded.secret_sealed,
             env_version = excluded.env_version, updated_at = excluded.updated_at, updated_by = excluded.updated_by""",
        program_id=program_id, app_id=app_id, sealed=encrypt(app_secret, program_id), env_version=env_version,
        at=stored.updated_at, staff_id=staff_id,
    )  # fmt: skip
    return stored


def remove_mini_program(program_id: UUID) -> None:
    """Take it away, if there is one."""
    execute("DELETE FROM mini_programs WHERE program_id = %(program_id)s", program_id=program_id)
