"""Recognises credentials: one look-up a request and no cache of permissions, so that a revocation works at once.

Publishable keys alone are remembered for a moment (see publishable.py).
"""

import hashlib
from collections.abc import Callable
from uuid import UUID

from core.auth import publishable, queries, tokens
from core.auth.access import Role
from core.auth.actor import Actor, ActorKind, Program
from core.db import lookup, repeatable
from core.errors import NotFound, Unauthenticated
from core.programs.settings import ProgramSettings, settings_from

_MAX_NUMBER_LENGTH = 9

# Whether a member still exists is known to the members feature, which stands above the kernel and registers here.
_member_gates: list[Callable[[UUID, UUID], bool]] = []

# Versions of settings never change, so that decoding them once a process is enough.
_versions: dict[tuple[UUID, int], ProgramSettings] = {}
_MAX_VERSIONS = 10_000


def register_member_gate(gate: Callable[[UUID, UUID], bool]) -> None:
    """`gate(program_id, member_id)` opens its own transaction and says whether the member's tokens still count."""
    if gate not in _member_gates:
        _member_gates.append(gate)


def authenticate(header: str | None, permission: str) -> Actor:
    """The actor behind an Authorization header, holding `permission`.

    Raises:
        Unauthenticated: no credential, or an unknown, revoked or expired one.
        Forbidden: the credential does not hold the permission.
    """
    scheme, _, credential = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Unauthenticated("Send Authorization: Bearer <key or token>.")
    actor = _actor_of_key(credential) if credential[:3] in {"sk_", "pk_"} else _actor_of_token(credential)
    actor.require(permission)
    return actor


def hash_secret(secret: str) -> bytes:
    """SHA-256: these secrets are long and random, so a fast hash is enough and look-ups stay indexed."""
    return hashlib.sha256(secret.encode()).digest()


def program_of(program_id: UUID) -> Program:
    """A program with its current settings, for jobs. Reads inside the open transaction."""
    found = queries.program_by_id(program_id)
    if found is None:
        raise NotFound()
    return _program(found)


def _actor_of_key(key: str) -> Actor:
    number = key[3:].partition("_")[0]
    if not (number.isascii() and number.isdecimal() and len(number) <= _MAX_NUMBER_LENGTH):
        raise Unauthenticated("The API key is unknown or revoked.")
    hashed = hash_secret(key)
    if key.startswith("pk_"):
        return publishable.remembered(hashed, lambda: _look_up_key(int(number), hashed, ActorKind.PUBLISHABLE))
    return _look_up_key(int(number), hashed, ActorKind.KEY)


@repeatable
def _look_up_key(number: int, hashed: bytes, kind: ActorKind) -> Actor:
    with lookup():
        found = queries.key_by_hash(number, hashed)
        if found is None:
            raise Unauthenticated("The API key is unknown or revoked.")
        return Actor(_program(found), kind, found.id, scopes=frozenset(found.scopes))


@repeatable
def _actor_of_token(token: str) -> Actor:
    claims = tokens.read(token)
    by_staff = claims.kind == "staff"
    with lookup():
        found = queries.staff_by_id(claims.subject) if by_staff else queries.program_by_id(claims.program_id)
        if found is None or found.version != claims.version:
            raise Unauthenticated("The sign-in is no longer valid.")
        program = _program(found)
    if by_staff:
        return Actor(program, ActorKind.STAFF, found.id, role=Role(str(found.role)))
    if not all(gate(claims.program_id, claims.subject) for gate in _member_gates):
        raise Unauthenticated("The member no longer exists.")
    return Actor(program, ActorKind.MEMBER, claims.subject)


def _program(found: queries.CredentialRow) -> Program:
    version = (found.program_id, found.settings_version)
    settings = _versions.get(version)
    if settings is None:
        if len(_versions) >= _MAX_VERSIONS:
            _versions.clear()
        settings = _versions[version] = settings_from(queries.settings_of(*version))
    return Program(found.program_id, found.program_name, found.settings_version, settings)
