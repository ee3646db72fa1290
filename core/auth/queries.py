"""Look-ups of credentials, each one indexed read joined with the program."""

from typing import Any, NamedTuple
from uuid import UUID

from core.db import fetch_one, scalar


class CredentialRow(NamedTuple):
    """A credential and its program. `role` for staff, `scopes` for keys."""

    id: UUID
    program_id: UUID
    role: str | None
    scopes: list[str]
    version: int
    program_name: str
    settings_version: int


def key_by_hash(number: int, key_hash: bytes) -> CredentialRow | None:
    return fetch_one(
        CredentialRow,
        """SELECT k.id, k.program_id, NULL, k.scopes, 0, p.name, p.settings_version
           FROM programs p
           JOIN api_keys k ON k.program_id = p.id AND k.key_hash = %(key_hash)s AND k.revoked_at IS NULL
           WHERE p.number = %(number)s""",
        number=number, key_hash=key_hash,
    )  # fmt: skip


def staff_by_id(staff_id: UUID) -> CredentialRow | None:
    return fetch_one(
        CredentialRow,
        """SELECT f.id, f.program_id, f.role, '{}'::text[], f.token_version, p.name, p.settings_version
           FROM staff f
           JOIN programs p ON p.id = f.program_id
           WHERE f.id = %(staff_id)s AND f.disabled_at IS NULL""",
        staff_id=staff_id,
    )


def program_by_id(program_id: UUID) -> CredentialRow | None:
    return fetch_one(
        CredentialRow,
        """SELECT p.id, p.id, NULL, '{}'::text[], 0, p.name, p.settings_version
           FROM programs p WHERE p.id = %(program_id)s""",
        program_id=program_id,
    )


def settings_of(program_id: UUID, version: int) -> dict[str, Any]:
    """One version of a program's settings; versions never change."""
    found: dict[str, Any] = scalar(
        "SELECT settings FROM program_settings WHERE program_id = %(program_id)s AND version = %(version)s",
        program_id=program_id, version=version,
    )  # fmt: skip
    return found


class SignIn(NamedTuple):
    """What sign-in compares with."""

    id: UUID
    program_id: UUID
    password_hash: str
    token_version: int
    disabled: bool


def sign_in_of(email: str) -> SignIn | None:
    return fetch_one(
        SignIn,
        """SELECT id, program_id, password_hash, token_version, disabled_at IS NOT NULL
           FROM staff WHERE email = %(email)s""",
        email=email,
    )
