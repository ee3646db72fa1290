"""Publishable keys, remembered: they come with every click, and clicks must go on while the database is away.

Only for these keys: anybody can read them in a page, so that a revoked one that works for a moment longer gives nothing
away. It may still report clicks and look links up, which anybody does by following a link.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from core.auth.actor import Actor
from core.http.problem import DATABASE_DOWN

FRESH_SECONDS = 2.0
OUTAGE_SECONDS = 600.0
_MOST = 10_000


class _Known(NamedTuple):
    actor: Actor
    good_at: float  # when the database said so
    ask_at: float  # from when it is asked again


_known: dict[bytes, _Known] = {}


def remembered(hashed: bytes, look_up: Callable[[], Actor]) -> Actor:
    """The key's actor: as it was up to 2 s ago, up to 10 minutes while the database is away.

    Raises:
        Unauthenticated: the key is unknown or revoked.
    """
    known = _known.get(hashed)
    at = time.monotonic()
    if known is not None and at < known.ask_at:
        return known.actor
    try:
        actor = look_up()
    except DATABASE_DOWN:
        if known is None or at > known.good_at + OUTAGE_SECONDS:
            raise
        _known[hashed] = known._replace(ask_at=at + FRESH_SECONDS)  # not every request finds out for itself
        return known.actor
    if len(_known) >= _MOST:
        _known.clear()
    _known[hashed] = _Known(actor, at, at + FRESH_SECONDS)
    return actor
