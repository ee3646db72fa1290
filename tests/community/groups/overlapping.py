"""One thing done while another's transaction is still open: the moment that races are about, without chance."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar
from uuid import UUID

from flask import Flask

from core.db import transaction

A = TypeVar("A")
B = TypeVar("B")
_PATIENCE = 10.0
_HEAD_START = 0.5
"""For how long the second one may run, or wait for a lock, before the first one commits."""


def overlapping(app: Flask, program_id: UUID, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Both in transactions of their own; `first` has done its work and commits only after `second` has begun."""
    done, may_commit = Event(), Event()

    def hold() -> A:
        with app.app_context(), transaction(program_id):
            result = first()
            done.set()
            may_commit.wait(_PATIENCE)
        return result

    def meanwhile() -> B:
        assert done.wait(_PATIENCE)
        with app.app_context(), transaction(program_id):
            return second()

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(hold), pool.submit(meanwhile)
        done.wait(_PATIENCE)
        may_commit.wait(_HEAD_START)
        may_commit.set()
        return one.result(), two.result()
