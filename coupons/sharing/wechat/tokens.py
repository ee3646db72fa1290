"""Access tokens in Valkey, sealed, until shortly before they end. Wiped or down, WeChat is just asked again."""

import hashlib
from functools import cache
from uuid import UUID

import redis
from cryptography.exceptions import InvalidTag
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.encryption import decrypt, encrypt
from coupons.sharing.wechat.protocol import AccessToken, MiniProgram

_SPARE_SECONDS = 120  # a call that begins with a token must also end with it


class KeptTokens:
    """The tokens of all programs, shared by all processes."""

    def __init__(self, redis_url: str) -> None:
        self._valkey = _connected(redis_url)

    def find(self, program_id: UUID, program: MiniProgram) -> str | None:
        """The token that was kept for these credentials."""
        try:
            sealed = self._valkey.get(_key(program_id, program))
            return decrypt(sealed.decode(), program_id) if isinstance(sealed, bytes) else None
        except (redis.RedisError, KeyError, ValueError, InvalidTag):
            return None  # down, of a key that is gone, or not ours: a new one will do

    def keep(self, program_id: UUID, program: MiniProgram, token: AccessToken) -> None:
        """Keep a token for as long as it is good, in the place of one that was ended early."""
        seconds = token.seconds - min(_SPARE_SECONDS, token.seconds // 2)
        if seconds <= 0:
            return
        try:
            self._valkey.set(_key(program_id, program), encrypt(token.token, program_id), ex=seconds)
        except redis.RedisError:
            return


def _key(program_id: UUID, program: MiniProgram) -> str:
    """Another secret is another key: what it replaced is never used again."""
    of_secret = hashlib.sha256(f"{program_id}\0{program.app_id}\0{program.app_secret}".encode()).hexdigest()
    return f"banyan:wechat:token:{program_id}:{of_secret[:32]}"


@cache
def _connected(redis_url: str) -> redis.Redis:
    # nobody waits for a cache
    return redis.Redis.from_url(redis_url, socket_connect_timeout=1, socket_timeout=1, retry=Retry(NoBackoff(), 1))
