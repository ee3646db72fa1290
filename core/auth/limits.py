"""Sign-in limits: wrong passwords per e-mail and per address, counted in Valkey; while it is down, in the process."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from flask import current_app, request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from core.auth.errors import SignInRefused
from core.errors import TooManyRequests

PER_EMAIL = parse("10 per 15 minutes")
PER_ADDRESS = parse("100 per 15 minutes")
_in_process = FixedWindowRateLimiter(MemoryStorage())


@contextmanager
def limited_sign_in(email: str) -> Iterator[None]:
    """Refuse after too many wrong passwords; a sign-in refused inside the block counts.

    Raises:
        TooManyRequests: with `Retry-After` and `RateLimit-*` values.
    """
    # hashed: e-mail addresses do not belong into Valkey's keys
    who = hashlib.sha256(email.lower().encode()).hexdigest()[:32]
    counted = ((PER_EMAIL, ("sign-in", who)), (PER_ADDRESS, ("sign-in-from", request.remote_addr or "")))
    for limit, key in counted:
        _refuse_when_spent(limit, key)
    try:
        yield
    except SignInRefused:
        for limit, key in counted:
            _count(limit, key)
        raise


def _refuse_when_spent(limit: RateLimitItem, key: tuple[str, ...]) -> None:
    try:
        limiter = _shared(current_app.config["SETTINGS"].redis_url)
        open_, stats = limiter.test(limit, *key), limiter.get_window_stats(limit, *key)
    except RedisError:
        open_, stats = _in_process.test(limit, *key), _in_process.get_window_stats(limit, *key)
    if not open_:
        seconds = max(1, round(stats.reset_time - _wall_clock()))
        raise TooManyRequests("Too many wrong passwords.", retry_after=seconds, limit=limit.amount, remaining=0)


def _wall_clock() -> float:
    return time.time()  # Valkey's windows run by the wall clock, not by the one that tests set


def _count(limit: RateLimitItem, key: tuple[str, ...]) -> None:
    try:
        _shared(current_app.config["SETTINGS"].redis_url).hit(limit, *key)
    except RedisError:
        _in_process.hit(limit, *key)


@cache
def _shared(redis_url: str) -> FixedWindowRateLimiter:
    scheme = "redis+unix" if redis_url.startswith("unix:") else "redis"
    return FixedWindowRateLimiter(storage_from_string(f"{scheme}:{redis_url.partition(':')[2]}"))
