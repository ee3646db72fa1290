"""Signed tokens: member 1 hour, staff 12 hours. They name who; whether he still may is asked at every request."""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import jwt
from flask import current_app

from core.clock import now
from core.errors import Unauthenticated

MEMBER_TTL = timedelta(hours=1)
STAFF_TTL = timedelta(hours=12)
_ALGORITHM = "HS256"
_ISSUER = "banyan"


class Claims(NamedTuple):
    """What a token says: `kind` is "staff" or "member"; `version` ends all staff tokens when raised."""

    kind: str
    subject: UUID
    program_id: UUID
    version: int


def issue(claims: Claims, ttl: timedelta) -> dict[str, Any]:
    """`{access_token, expires_in}` for the claims."""
    issued = now()
    payload = {
        "iss": _ISSUER, "sub": str(claims.subject), "prg": str(claims.program_id), "knd": claims.kind,
        "ver": claims.version, "iat": issued, "exp": issued + ttl,
    }  # fmt: skip
    token = jwt.encode(payload, current_app.config["SETTINGS"].signing_key, algorithm=_ALGORITHM)
    return {"access_token": token, "expires_in": int(ttl.total_seconds())}


def read(token: str) -> Claims:
    """The claims of a genuine, unexpired token.

    Raises:
        Unauthenticated: anything else.
    """
    key = current_app.config["SETTINGS"].signing_key
    options: Any = {"require": ["exp", "sub", "iss"], "verify_exp": False, "verify_iat": False}
    try:
        payload = jwt.decode(token, key, algorithms=[_ALGORITHM], issuer=_ISSUER, options=options)
        claims = Claims(payload["knd"], UUID(payload["sub"]), UUID(payload["prg"]), int(payload["ver"]))
    except (jwt.InvalidTokenError, KeyError, ValueError) as error:
        raise Unauthenticated("The token is not valid.") from error
    if payload["exp"] <= now().timestamp():  # by our own clock, which tests can set
        raise Unauthenticated("The token has expired.")
    return claims
