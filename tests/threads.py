"""Several things at the same moment, each in a thread with an application context and so a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from flask import Flask

T = TypeVar("T")


def together(app: Flask, *jobs: Callable[[], T]) -> list[T]:
    """Start the jobs in threads at the same moment; their results in order. What one of them raises is raised."""
    start = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        with app.app_context():
            start.wait()
            return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        waiting = [pool.submit(run, job) for job in jobs]
        return [done.result() for done in waiting]
