"""Messages on their way: over kept connections, many at once, each within its time. No transaction is open."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cache, partial
from urllib.parse import urlsplit

from community.platforms.adapters.known import ADAPTERS
from community.platforms.adapters.protocol import Answer, Exchange, Post
from community.platforms.metrics import POSTS
from community.platforms.protocol import Message, Outcome, Refused, Target, Throttled, Unknown
from community.platforms.reach import Reach
from core.http.outgoing import NotFetched
from core.http.posting import NOTHING_SENT, Poster

MOST_BYTES = 256 * 1024  # of an answer
THREADS = 64
OF_ONE_HOST = 8  # so that a slow one leaves the others their threads
_TICK_SECONDS = 0.005  # an answer that takes longer leaves the CPU to another thread
_REFUSED = frozenset({"bad_url", "address_refused"})

Pair = tuple[Target, Message]


def delivered(target: Target, message: Message, reach: Reach, at: int) -> Outcome:
    """What became of one message."""
    outcome = ADAPTERS[target.platform].deliver(target, message, at, exchange(target.platform, reach))
    POSTS.labels(target.platform, type(outcome).__name__.lower()).inc()
    return scaled(outcome, reach)


def all_delivered(pairs: Sequence[Pair], reach: Reach, at: int, seconds: float) -> list[Outcome]:
    """What became of each, in the order given. Messages to one target go one after another, in that order. After
    `seconds` no other is begun."""
    if len(pairs) < 2:
        return [delivered(target, message, reach, at) for target, message in pairs]
    outcomes: list[Outcome] = [Unknown("not_tried", may_have_arrived=False)] * len(pairs)
    hosts: dict[str, dict[Target, list[int]]] = {}
    for place, (target, _) in enumerate(pairs):
        hosts.setdefault(_host(target, reach), {}).setdefault(target, []).append(place)
    deliver = partial(delivered, reach=reach, at=at)
    ends = time.monotonic() + seconds
    lanes = [_Lane(deque(targets.values()), pairs, outcomes, deliver, ends) for targets in hosts.values()]
    work = [lane.hand() for lane in lanes]
    while wait(work, timeout=_TICK_SECONDS).not_done:
        work += [lane.hand() for lane in lanes if lane.needs_a_hand()]
    for one in work:
        one.result()  # an error of ours is not an outcome
    return outcomes


class _Lane:
    """The targets of one host. One thread posts; while answers are slow there come more, up to OF_ONE_HOST."""

    def __init__(
        self, waiting: deque[list[int]], pairs: Sequence[Pair], outcomes: list[Outcome],
        deliver: Callable[[Target, Message], Outcome], ends: float,
    ) -> None:  # fmt: skip
        self._waiting, self._pairs, self._outcomes, self._deliver = waiting, pairs, outcomes, deliver
        self._left, self._hands, self._ends = len(waiting), 0, ends

    def hand(self) -> Future[None]:
        """One more thread."""
        self._hands += 1
        return _threads().submit(self._run)

    def needs_a_hand(self) -> bool:
        """Whether nobody has taken a target since this was last asked, though some wait."""
        before, self._left = self._left, len(self._waiting)
        return 0 < self._left == before and self._hands < OF_ONE_HOST

    def _run(self) -> None:
        while (places := self._next()) is not None:
            held: Outcome | None = None
            for place in places:
                if time.monotonic() > self._ends:
                    return
                # behind a message that has to wait nothing overtakes it
                outcome = held or self._deliver(*self._pairs[place])
                self._outcomes[place] = outcome
                held = outcome if isinstance(outcome, Throttled) else None

    def _next(self) -> list[int] | None:
        with suppress(IndexError):  # another thread took the last
            return self._waiting.popleft()
        return None


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


def _host(target: Target, reach: Reach) -> str:
    url = reach.led(target.platform, target.url)
    return f"{target.platform} {urlsplit(url).netloc}"


@cache
def poster(may_be_private: bool) -> Poster:
    """The connections of this process, those into private networks apart: they are judged when they are made."""
    return Poster(connections=THREADS, allow_private=may_be_private)


def _threads() -> ThreadPoolExecutor:
    return _threads_of(os.getpid())


@cache
def _threads_of(process: int) -> ThreadPoolExecutor:
    """The threads of this process: a fork has none of its parent's."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix=f"posting-{process}")
