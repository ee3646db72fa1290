"""Targets by code: in the process, else in Valkey, else from the database. A change is obeyed within 2 s everywhere.

Why no stale copy stays, whoever reads, stores and changes at the same moment:

- The feed tells this process of every change after its commit. `_forget` then drops the copy and notes the moment.
- What was read from the database is kept only if no change of its code was noted since the reading began. A change
  that the reading did not see commits later, so it is noted later: either before the copy is stored, which prevents
  it, or after, which drops it. Both happen under one lock.
- What is found in Valkey carries the moment its reading began. It is trusted only if that is younger than a minute and
  later, by a second for clocks that differ, than the moment this process noted the last change of its code. The feed
  looks back five minutes, so every change that such a copy could have missed has been noted, also by a process that has
  just started; until its first look it trusts nothing. So Valkey never needs to be told, and may be stale, wiped or
  restored from an old file.
- While the database is away nothing can change. Then copies in the process stay, and what Valkey has is used as well
  unless it is known to be stale; it is not kept, for it has not passed the test above.
"""

import threading
import time
from collections.abc import Collection
from contextvars import Context
from itertools import islice
from typing import NamedTuple

from flask import Flask

from core.caching.feed import WINDOW, feed_of
from core.caching.service import LINKS
from core.db import transaction
from core.errors import Unavailable
from core.http.problem import DATABASE_DOWN
from coupons.clicks.shared_targets import Breaker, Kept, SharedTargets
from coupons.clicks.targets import Facts, Target, facts_of
from coupons.clicks.tokens import click_keys
from coupons.links.service import links_by_code, program_of_code

MOST_TARGETS = 20_000
_MOST_UNKNOWN = 20_000
UNKNOWN_SECONDS = 1.0
TRUSTED_SECONDS = 60.0
_CLOCK_MARGIN_SECONDS = 1.0
_LONGEST_CODE = 64


class _Moment(NamedTuple):
    """The same moment by the clock that never jumps and by the one that other machines know."""

    monotonic: float
    wall: float


def _moment() -> _Moment:
    return _Moment(time.monotonic(), time.time())


class TargetCache:
    """One for each process. `present` is read without a lock, it is the usual way."""

    def __init__(self, app: Flask) -> None:
        settings = app.config["SETTINGS"]
        self._app = app
        self._keys = click_keys(settings.lookup_key)
        self._shared = SharedTargets(settings.redis_url)
        self._database = Breaker()
        self._feed = feed_of(app)
        self._feed.follow(LINKS, self._forget)
        self._lock = threading.Lock()
        self._changed: dict[str, _Moment] = {}
        self._unknown: dict[str, float] = {}
        self.present: dict[str, Target] = {}

    def find(self, code: str) -> Target | None:
        """What the code leads to, ended links too; None: there is no such code.

        Raises:
            Unavailable: the database is away and nobody remembers the code.
        """
        return self.present.get(code) or self._look_up(code)

    def _look_up(self, code: str) -> Target | None:
        if len(code) > _LONGEST_CODE or self._unknown.get(code, 0.0) > time.monotonic():
            return None
        self._feed.start()
        kept = self._shared.get(code)
        if kept is not None:
            target = Target(kept.facts, self._keys)
            if self._stored_from_valkey(code, kept, target):
                return target
        try:
            return self._from_database(code)
        except Unavailable:
            # the last resort: nothing has changed since the database went away
            if kept is not None and not self._is_outdated(code, kept):
                return target
            raise

    def _from_database(self, code: str) -> Target | None:
        if self._database.is_open:
            raise _no_database()
        began = _moment()
        try:
            # whoever asks may be inside a transaction: this reading is no part of it
            facts = Context().run(self._read, code)
        except DATABASE_DOWN as error:
            self._database.trip()
            raise _no_database() from error
        if facts is None:
            self._note_unknown(code)
            return None
        target = Target(facts, self._keys)
        if self._stored(code, target, began):
            self._shared.put(code, Kept(began.wall, facts))
        return target

    def _read(self, code: str) -> Facts | None:
        with self._app.app_context():
            program_id = program_of_code(code)
            if program_id is None:
                return None
            with transaction(program_id, read_only=True):
                link = links_by_code(program_id, [code]).get(code)
        return None if link is None else facts_of(program_id, link)

    def _stored(self, code: str, target: Target, began: _Moment) -> bool:
        with self._lock:
            changed = self._changed.get(code)
            if changed is not None and changed.monotonic >= began.monotonic:
                return False
            self._keep(code, target)
            return True

    def _stored_from_valkey(self, code: str, kept: Kept, target: Target) -> bool:
        with self._lock:
            age = time.time() - kept.read_at
            is_young = -_CLOCK_MARGIN_SECONDS <= age <= TRUSTED_SECONDS
            if not (self._feed.has_read and is_young) or self._is_outdated(code, kept):
                return False
            self._keep(code, target)
            return True

    def _is_outdated(self, code: str, kept: Kept) -> bool:
        changed = self._changed.get(code)
        return changed is not None and kept.read_at <= changed.wall + _CLOCK_MARGIN_SECONDS

    def _keep(self, code: str, target: Target) -> None:
        if len(self.present) >= MOST_TARGETS:
            for oldest in list(islice(self.present, MOST_TARGETS // 16)):
                del self.present[oldest]
        self.present[code] = target

    def _note_unknown(self, code: str) -> None:
        if len(self._unknown) >= _MOST_UNKNOWN:
            self._unknown.clear()
        self._unknown[code] = time.monotonic() + UNKNOWN_SECONDS

    def _forget(self, codes: Collection[str] | None) -> None:
        with self._lock:
            if codes is None:
                self.present.clear()
                return
            at = _moment()
            horizon = at.monotonic - 2 * WINDOW.total_seconds()
            self._changed = {code: one for code, one in self._changed.items() if one.monotonic > horizon}
            for code in codes:
                self._changed[code] = at
                self.present.pop(code, None)


def _no_database() -> Unavailable:
    return Unavailable("The database cannot be reached; repeat the request.", retry_after=1)
