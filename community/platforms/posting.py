"""A message on its way: over a kept connection, within its time. No transaction is open."""

from functools import cache, partial

from community.platforms.adapters.known import ADAPTERS
from community.platforms.adapters.protocol import Answer, Exchange, Post
from community.platforms.metrics import POSTS
from community.platforms.protocol import Message, Outcome, Refused, Target, Throttled, Unknown
from community.platforms.reach import Reach
from core.http.outgoing import NotFetched
from core.http.posting import NOTHING_SENT, Poster

MOST_BYTES = 256 * 1024  # of an answer
_CONNECTIONS = 64
_REFUSED = frozenset({"bad_url", "address_refused"})


def delivered(target: Target, message: Message, reach: Reach, at: int) -> Outcome:
    """What became of one message."""
    outcome = ADAPTERS[target.platform].deliver(target, message, at, exchange(target.platform, reach))
    POSTS.labels(target.platform, type(outcome).__name__.lower()).inc()
    return scaled(outcome, reach)


def exchange(platform: str, reach: Reach) -> Exchange:
    """Carries out posts to a platform, wherever it is."""
    return partial(_exchange, platform, reach)


def _exchange(platform: str, reach: Reach, post: Post) -> Answer | Refused | Unknown:
    url = reach.led(platform, post.url)
    try:
        found = poster(reach.may_be_private(url)).request(
            post.method, url, post.body, post.headers, seconds=reach.seconds, most_bytes=MOST_BYTES
        )
    except NotFetched as error:
        if error.reason in _REFUSED:
            return Refused("address_refused", error.reason)
        reason = "unreadable_answer" if error.reason == "too_large" else error.reason
        return Unknown(reason, may_have_arrived=error.reason not in NOTHING_SENT)
    return Answer(found.status, found.headers, found.body)


def scaled(outcome: Outcome, reach: Reach) -> Outcome:
    """Documented waits in the shorter minutes of what plays the platforms."""
    if not isinstance(outcome, Throttled) or outcome.is_told:
        return outcome
    return Throttled(max(1, -int(-outcome.retry_after_seconds * reach.window_scale // 1)))


@cache
def poster(may_be_private: bool) -> Poster:
    """The connections of this process, those into private networks apart: they are judged when they are made."""
    return Poster(connections=_CONNECTIONS, allow_private=may_be_private)
