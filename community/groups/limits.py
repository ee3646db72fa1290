"""How often anybody may call where chat platforms call."""

import hashlib

from flask import request
from limits import parse

from core.auth.limits import count_call

PER_ADDRESS = parse("3000 per minute")
PER_TOKEN = parse("600 per minute")


def limit_callbacks(token: str) -> None:
    """Count a call, by where it comes from and by whom it names; both before anything is looked up.

    Raises:
        TooManyRequests: with `Retry-After`.
    """
    count_call(PER_ADDRESS, "chat-callback-from", request.remote_addr or "")
    # hashed: anything may stand there
    count_call(PER_TOKEN, "chat-callback", hashlib.sha256(token.encode()).hexdigest()[:32])
