"""Notices a second through the worker's job against a bare loop of HTTP posts, in turns, to the same playing server.

The bare loop posts what the adapters made and signed before, over the same kept connections, one after another; a
second loop makes and signs each post and reads the answer, as any sender has to; a third is what most would write: the
same posts by httpx. The worker's side is all of it: claim, compose, open the sealed address, sign, post, record,
durable. Each group gets one message a round, so that no limit binds. First with answers that cost nothing, then with
some that take 20 ms, as a platform nearby. In the end a burst of 10,000 messages to 1,000 groups, which the sender
folds.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import orjson

from bench.environment import BenchApp, measured_app, timed
from community.delivery.service import NEWS, Outgoing, enqueue
from community.groups.models import GroupRow
from community.platforms.adapters.known import ADAPTERS
from community.platforms.adapters.protocol import Post
from community.platforms.played import targets
from community.platforms.posting import poster
from community.platforms.reach import reach
from community.platforms.service import Message, Sent, Target, send, target_from, target_json
from core.bulk import insert_rows
from core.clock import now
from core.db import scalar, transaction
from core.encryption import encrypt
from core.ids import new_id
from core.jobs import outbox
from core.jobs.delivery import deliver
from core.programs.service import create_program

PLATFORMS = ("wecom", "dingtalk", "feishu", "slack", "discord", "webhook")
GROUPS = 1800
ROUNDS = 5
BURST, BURST_GROUPS = 10_000, 1000
GOAL = 0.7
NEARBY_SECONDS, NEARBY_GROUPS = 0.02, 600
_TEXT = "A member of this group sold an order of £{:.2f}, to a first-time customer."
_SCALE = "0.01"  # of the limits' minutes: one message a group and round never meets one
_LEASE = timedelta(seconds=60)
_SECONDS = 10  # of a post


class Chat(NamedTuple):
    """A group and where it is."""

    group_id: UUID
    target: Target


class _Row(NamedTuple):
    id: UUID
    name: str
    platform: str
    target_sealed: str
    callback_token: str
    created_at: Any
    updated_at: Any
    content_hash: bytes = b""
    topics: Sequence[str] = ("order",)
    scope: str = "program"
    show_amounts: bool = True
    language: str = "en"
    status: str = "active"
    refusals_in_a_row: int = 0


def run() -> None:
    """Print notices a second of both ways, and what the burst took."""
    with playing() as url, measured_app(CHAT_URL=url, CHAT_WINDOW_SCALE=_SCALE) as bench:
        measure(bench)


def measure(bench: BenchApp, groups: int = GROUPS, rounds: int = ROUNDS) -> float:
    """All ways in turns; the share of the bare loop's speed that the worker reaches, the median of the rounds."""
    with transaction():
        program_id = create_program("bench", "GBP", "UTC")
    chats = make_groups(program_id, groups)
    print("  answers at once:")
    share = compare(program_id, chats, range(rounds + 1))
    answer_after(NEARBY_SECONDS)
    print(f"  answers after {NEARBY_SECONDS * 1000:.0f} ms:")
    compare(program_id, chats[:NEARBY_GROUPS], range(rounds + 1, rounds + 4))
    answer_after(0)
    burst(program_id, chats)
    return share


def compare(program_id: UUID, chats: Sequence[Chat], numbers: range) -> float:
    """Print the ways side by side; the worker's share of the bare loop."""
    ways: dict[str, Callable[[Sequence[Chat], int], float]] = {
        "bare loop": bare_loop,
        "loop that signs": signing_loop,
        "loop of httpx": httpx_loop,
        "worker": lambda some, number: through_worker(program_id, some, number),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in numbers:
        for way, say in ways.items():
            took = say(chats, number)
            if number > numbers[0]:  # the first round opens the connections
                seconds[way].append(took)
    for way, times in seconds.items():
        shares = [took / ours for took, ours in zip(times, seconds["worker"], strict=True)]
        rate = len(chats) / statistics.median(times)
        print(f"    {way:16}{rate:8,.0f} notices/s; worker : it = {statistics.median(shares):.2f}", flush=True)
    shares = [bare / ours for bare, ours in zip(seconds["bare loop"], seconds["worker"], strict=True)]
    print(f"    worker : bare loop, rounds {min(shares):.2f} to {max(shares):.2f} (goal: at least {GOAL})")
    return statistics.median(shares)


def answer_after(seconds: float) -> None:
    """Let the playing server take its time."""
    told = orjson.dumps({"slow": 1.0 if seconds else 0.0, "slow_seconds": seconds})
    asked = urllib.request.Request(f"{reach().chat_url}/faults", told, method="PUT")  # noqa: S310 -- our own server
    with urllib.request.urlopen(asked, timeout=10):  # noqa: S310
        pass


def bare_loop(chats: Sequence[Chat], number: int) -> float:
    """Seconds of one post after another."""
    posts = _posts(chats, number)
    return timed(lambda: deque(map(_post, posts), maxlen=0))


def httpx_loop(chats: Sequence[Chat], number: int) -> float:
    """Seconds of the same posts by the usual client, over connections that it keeps."""
    posts = _posts(chats, number)
    with httpx.Client(trust_env=False, timeout=_SECONDS) as client:

        def loop() -> None:
            for post in posts:
                client.post(post.url, content=post.body, headers=dict(post.headers)).raise_for_status()

        return timed(loop)


def signing_loop(chats: Sequence[Chat], number: int) -> float:
    """Seconds of a loop that makes and signs each post and reads its answer, as any sender has to."""
    messages = [Message(_TEXT.format(place), key=f"loop/{number}/{place}") for place in range(len(chats))]

    def loop() -> None:
        for one, message in zip(chats, messages, strict=True):
            if not isinstance(send(one.target, message), Sent):
                raise RuntimeError(f"{one.target.platform}: not sent")  # noqa: TRY004 -- an outcome, no type

    return timed(loop)


def through_worker(program_id: UUID, chats: Sequence[Chat], number: int) -> float:
    """Seconds from what is enqueued and committed to everything recorded as sent."""
    tell(program_id, chats, number)
    seconds = timed(lambda: work(program_id))
    with transaction(program_id, read_only=True):
        statuses = scalar(
            "SELECT array_agg(DISTINCT status) FROM messages WHERE program_id = %(p)s", p=program_id
        )  # fmt: skip
    if statuses != ["sent"]:
        raise RuntimeError(f"not everything was sent: {statuses}")
    return seconds


def tell(program_id: UUID, chats: Sequence[Chat], number: int) -> None:
    """One message for each, committed."""
    messages = [
        Outgoing(
            one.group_id, f"{number}/{place}/{one.group_id}", "order", NEWS, _TEXT.format(place), fold_key="order",
            language="en",
        )
        for place, one in enumerate(chats)
    ]  # fmt: skip
    with transaction(program_id):
        enqueue(program_id, messages)


def work(program_id: UUID) -> None:
    """Deliver the sender's job until nothing waits, as relay and worker do."""
    while True:
        with transaction(program_id):
            leased = outbox.lease(program_id, "notices", 1, _LEASE)
        if not leased:
            return
        for one in leased:
            deliver(str(one.program_id), str(one.id), one.job, one.arguments, one.attempt)


def burst(program_id: UUID, chats: Sequence[Chat]) -> None:
    """Many messages at once."""
    hearing = list(islice(cycle(chats[:BURST_GROUPS]), BURST))
    enqueued = timed(lambda: tell(program_id, hearing, -1))
    sent = timed(lambda: work(program_id))
    with transaction(program_id, read_only=True):
        dispatches = scalar(
            """SELECT count(DISTINCT dispatch_id) FROM messages
               WHERE program_id = %(p)s AND key LIKE '-1/%%' AND status = 'sent'""", p=program_id
        )  # fmt: skip
    print(
        f"  burst: {BURST:,} messages to {min(BURST_GROUPS, len(chats)):,} groups enqueued in {enqueued:.1f} s, said in"
        f" {sent:.1f} s by {dispatches:,} folded posts, {BURST / (enqueued + sent):,.0f} notices/s"
    )


def make_groups(program_id: UUID, groups: int) -> list[Chat]:
    """Groups of all platforms that share no limits, in turn."""
    origin, at = reach().chat_url or "", now()
    chats, rows = [], []
    for place in range(groups):
        platform, number = PLATFORMS[place % len(PLATFORMS)], place // len(PLATFORMS)
        chat = Chat(new_id(), target_from(platform, targets.given(platform, number, origin)))
        sealed = encrypt(orjson.dumps(target_json(chat.target)).decode(), chat.group_id)
        chats.append(chat)
        rows.append(_Row(id=chat.group_id, name=f"{platform}-{number}", platform=platform, target_sealed=sealed,
                         callback_token=str(chat.group_id), created_at=at, updated_at=at))  # fmt: skip
    with transaction(program_id):
        insert_rows(GroupRow, rows, program_id=program_id)
    return chats


def _posts(chats: Sequence[Chat], number: int) -> list[Post]:
    """What the adapters post, signed, where it goes."""
    at, found = int(now().timestamp()), reach()
    posts = []
    for place, one in enumerate(chats):
        message = Message(_TEXT.format(place), key=f"bare/{number}/{time.monotonic_ns()}/{place}")
        (post,) = ADAPTERS[one.target.platform].posts(one.target, message, at)
        posts.append(post._replace(url=found.led(one.target.platform, post.url)))
    return posts


def _post(post: Post) -> None:
    answer = _POSTER.request("POST", post.url, post.body, post.headers, seconds=_SECONDS, most_bytes=65_536)
    if answer.status >= 300:
        raise RuntimeError(f"{post.url}: {answer.status}")


_POSTER = poster(may_be_private=True)


@contextmanager
def playing() -> Iterator[str]:
    """The playing server in a process of its own."""
    address = Path(tempfile.mkdtemp(prefix="banyan-bench-")) / "chat.json"
    command = [
        sys.executable,
        "-m",
        "community.platforms.played",
        "--address-file",
        str(address),
        "--window-scale",
        _SCALE,
    ]
    process = subprocess.Popen(command, env=os.environ)  # noqa: S603 -- our own command line
    try:
        for _ in range(200):
            if address.exists():
                break
            time.sleep(0.1)
        yield str(json.loads(address.read_bytes())["url"])
    finally:
        process.terminate()
        process.wait()
