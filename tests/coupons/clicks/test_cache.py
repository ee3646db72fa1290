"""Copies of links in processes and in Valkey: never stale for long, and good enough when a server is away."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask

from core.app import create_app
from core.caching.feed import ChangeFeed, feed_of
from core.caching.service import LINKS, announce, prune_changes
from core.clock import now
from core.db import execute, scalar, transaction
from core.ids import new_id
from coupons.clicks import cache, shared_targets
from coupons.clicks.cache import TargetCache
from tests.clients import TestProgram
from tests.coupons.clicks.following import change_link, eventually, make_link

NEW = "https://shop.example/new"


@pytest.fixture
def two(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TargetCache]]:
    """The caches of two processes, in one: each with a feed of its own, and patient with a busy machine's Valkey."""
    monkeypatch.setattr(shared_targets, "_TIMEOUT_SECONDS", 10.0)
    made = []
    for _ in range(2):
        twin = create_app(app.config["SETTINGS"])
        made.append(TargetCache(twin))
    yield made
    for one in made:
        feed_of(one._app).stop()


def destination(of: TargetCache, code: str) -> str | None:
    found = of.find(code)
    return None if found is None else found.destination


def test_a_change_is_obeyed_everywhere_within_two_seconds(program: TestProgram, two: list[TargetCache]) -> None:
    link = make_link(program, "https://shop.example/old")
    assert {destination(one, link.code) for one in two} == {"https://shop.example/old"}
    eventually(lambda: all(one._feed.has_read for one in two), 5)
    change_link(program, link, NEW)
    eventually(lambda: {destination(one, link.code) for one in two} == {NEW}, 2)
    time.sleep(1.2)
    assert {destination(one, link.code) for one in two} == {NEW}


def test_a_reading_that_a_change_overtook_is_not_kept(
    program: TestProgram, two: list[TargetCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is read, then the link changes and the change is noted, and only then the copy would be stored."""
    link, slow = make_link(program, "https://shop.example/old"), two[0]
    slow._feed.start()
    eventually(lambda: slow._feed.has_read, 5)
    read = slow._read

    def overtaken(code: str) -> Any:
        facts = read(code)
        slow._app.app_context().push()
        change_link(program, link, NEW)
        eventually(lambda: code in slow._changed, 2)
        return facts

    monkeypatch.setattr(slow, "_read", overtaken)
    assert destination(slow, link.code) == "https://shop.example/old"  # for him who asked before
    assert link.code not in slow.present
    monkeypatch.undo()
    assert destination(slow, link.code) == NEW


def test_what_valkey_has_from_before_a_change_is_not_believed(program: TestProgram, two: list[TargetCache]) -> None:
    link = make_link(program, "https://shop.example/old")
    assert destination(two[0], link.code) == "https://shop.example/old"
    stale = two[0]._shared.get(link.code)
    assert stale is not None
    change_link(program, link, NEW)
    two[1]._feed.start()  # a process that starts after the change
    eventually(lambda: two[1]._feed.has_read, 5)
    two[1]._shared.put(link.code, stale)  # as a slow process, or an old file, would bring it back
    assert destination(two[1], link.code) == NEW


def test_a_process_that_has_not_read_the_changes_believes_nothing(program: TestProgram, two: list[TargetCache]) -> None:
    link = make_link(program, "https://shop.example/old")
    destination(two[0], link.code)
    with transaction(program.id):
        execute(
            "UPDATE links SET destination_url = %(url)s WHERE program_id = %(p)s AND id = %(id)s",
            url=NEW, p=program.id, id=link.id,
        )  # fmt: skip
    two[1]._feed.start = lambda: None  # type: ignore[method-assign]
    assert destination(two[1], link.code) == NEW


def test_an_old_copy_in_valkey_is_not_believed(
    program: TestProgram, two: list[TargetCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = make_link(program, "https://shop.example/old")
    destination(two[0], link.code)
    two[1]._feed.start()
    eventually(lambda: two[1]._feed.has_read, 5)
    with transaction(program.id):  # without an announcement: only age tells
        execute(
            "UPDATE links SET destination_url = %(url)s WHERE program_id = %(p)s AND id = %(id)s",
            url=NEW, p=program.id, id=link.id,
        )  # fmt: skip
    assert destination(two[1], link.code) == "https://shop.example/old"
    two[1].present.clear()
    monkeypatch.setattr(cache, "TRUSTED_SECONDS", -1.0)
    assert destination(two[1], link.code) == NEW


def test_what_nobody_can_read_in_valkey_is_as_good_as_nothing(program: TestProgram, two: list[TargetCache]) -> None:
    link = make_link(program)
    eventually_read(two[0])
    client = redis.Redis.from_url(two[0]._app.config["SETTINGS"].redis_url)
    for rubbish in (b"", b"{}", b"[1,2]", b"\xff", b"null"):
        client.set(f"banyan:link:1:{link.code}", rubbish)
        two[0].present.clear()
        assert destination(two[0], link.code) == "https://shop.example/tea"


def eventually_read(one: TargetCache) -> None:
    one._feed.start()
    eventually(lambda: one._feed.has_read, 5)


def test_the_cache_is_bounded(program: TestProgram, two: list[TargetCache], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_TARGETS", 32)
    links = [make_link(program) for _ in range(40)]
    for link in links:
        assert two[0].find(link.code)
    assert len(two[0].present) <= 32
    assert all(two[0].find(link.code) for link in links)


def test_after_a_long_silence_everything_is_forgotten(app: Flask) -> None:
    told: list[Any] = []
    feed = ChangeFeed(app.config["SETTINGS"].database_url)
    feed.follow(LINKS, told.append)
    feed._turn()
    assert None not in told
    assert feed._read_at is not None
    feed._read_at -= 1000
    feed._turn()
    assert told[-1] is None
    feed._hang_up()


def test_a_change_is_told_once(app: Flask, program: TestProgram) -> None:
    told: list[Any] = []
    feed = ChangeFeed(app.config["SETTINGS"].database_url)
    feed.follow(LINKS, told.append)
    key = f"k-{new_id()}"
    with transaction(program.id):
        announce(LINKS, [key])
    feed._turn()
    feed._turn()
    assert [keys for keys in told if key in keys] == told
    assert len(told) == 1
    feed._hang_up()


def test_a_feed_without_its_database_goes_on_trying(app: Flask) -> None:
    feed = ChangeFeed("postgresql+psycopg://nobody@/none?host=/nowhere")
    feed._turn()
    assert not feed.has_read
    feed._url = app.config["SETTINGS"].database_url.replace("+psycopg", "")
    feed._turn()
    assert feed.has_read
    feed._hang_up()


def test_old_changes_are_forgotten(program: TestProgram) -> None:
    with transaction(program.id):
        announce(LINKS, ["k-old"])
        execute("UPDATE cache_changes SET changed_at = %(at)s WHERE key = 'k-old'", at=now().replace(year=2020))
        announce(LINKS, ["k-new"])
        prune_changes()
        assert scalar("SELECT count(*) FROM cache_changes WHERE key = 'k-old'") == 0
        assert scalar("SELECT count(*) FROM cache_changes WHERE key = 'k-new'") == 1
