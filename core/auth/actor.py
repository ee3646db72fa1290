"""Who is calling, resolved once per request. Immutable; services take what they need from it."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from core.auth.access import ME, PERMISSIONS, Role
from core.errors import Forbidden
from core.ids import public_id
from core.programs.settings import ProgramSettings

_PREFIXES = {"staff": "stf", "key": "key", "publishable": "key", "member": "mem"}


class ActorKind(StrEnum):
    STAFF = "staff"
    KEY = "key"
    PUBLISHABLE = "publishable"  # a key for visitors, which anybody may read in a page
    MEMBER = "member"
    SYSTEM = "system"  # jobs and the operator's command line


@dataclass(frozen=True, slots=True)
class Program:
    """The tenant of the call, with its settings as of now."""

    id: UUID
    name: str
    settings_version: int
    settings: ProgramSettings

    @property
    def currency(self) -> str:
        return self.settings.currency


@dataclass(frozen=True, slots=True)
class Actor:
    """A credential that was accepted. `id` is the staff member's, the key's or the member's."""

    program: Program
    kind: ActorKind
    id: UUID
    role: Role | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def program_id(self) -> UUID:
        return self.program.id

    @property
    def public_id(self) -> str:
        return public_id(_PREFIXES[self.kind], self.id)

    def require(self, permission: str) -> None:
        """Pass only holders of a permission.

        Raises:
            Forbidden: this credential does not hold it.
        """
        holders = PERMISSIONS[permission]
        allowed = (
            (self.kind is ActorKind.MEMBER and holders.member)
            or (self.kind is ActorKind.KEY and holders.key and permission in self.scopes)
            or (self.kind is ActorKind.PUBLISHABLE and holders.publishable)
            or (self.kind is ActorKind.STAFF and self.role in holders.roles)
        )
        if not allowed:
            raise Forbidden(self._refusal(permission))

    def _refusal(self, permission: str) -> str:
        if permission == ME:
            return "A member token is needed here."
        return "Member tokens may call /v1/me only." if self.kind is ActorKind.MEMBER else f"It lacks {permission!r}."
