"""Business rules saying no. A DomainError is safe to show; anything else becomes a 500 without detail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the request: where (RFC 6901 pointer) and what."""

    pointer: str
    detail: str


class DomainError(Exception):
    """Base of everything that can be refused. `code` is stable; clients branch on it."""

    status: ClassVar[int] = 409
    code: str = "conflict"
    title: str = "The request cannot be carried out"

    def __init__(self, detail: str | None = None, *, faults: Sequence[Fault] = (), **extra: Any) -> None:
        self.detail = detail or self.title
        self.faults = list(faults)
        self.extra = extra
        super().__init__(self.detail)


class Malformed(DomainError):
    status = 400
    code = "malformed"
    title = "The request cannot be read"


class Unauthenticated(DomainError):
    status = 401
    code = "unauthenticated"
    title = "Valid credentials are needed"


class Forbidden(DomainError):
    status = 403
    code = "forbidden"
    title = "This credential may not do that"


class SamePerson(Forbidden):
    code = "same_person"
    title = "Nobody approves what he made himself"


class NotFound(DomainError):
    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(DomainError):
    status = 409
    code = "conflict"
    title = "The state does not allow that"


class AlreadyExists(Conflict):
    code = "already_exists"
    title = "The same external_id exists with other content"


class WrongState(Conflict):
    code = "wrong_state"
    title = "The resource is in another state"


class Gone(DomainError):
    """It was there and has ended; unlike NotFound, the caller had the right name for it."""

    status = 410
    code = "gone"
    title = "No longer available"


class Invalid(DomainError):
    """Content refused. Give the faults with pointers; `at` is the short form for one."""

    status = 422
    code = "invalid"
    title = "The content is not valid"

    @classmethod
    def at(cls, pointer: str, detail: str) -> "Invalid":
        return cls(faults=[Fault(pointer, detail)])


class TooLarge(DomainError):
    status = 413
    code = "too_large"
    title = "The body is larger than 32 MiB"


class TooManyRequests(DomainError):
    status = 429
    code = "too_many_requests"
    title = "Too many requests"


class Unavailable(DomainError):
    """Something the answer depends on is down; the client may repeat the request."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"


class Busy(Unavailable):
    code = "busy"
    title = "Another request holds what this one needs"
