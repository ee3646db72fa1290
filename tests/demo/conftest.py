"""A slice of the demo's own data, the real sandbox rail, a real web, and workers that work when the demo looks."""

import csv
import gzip
import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from rich.console import Console
from werkzeug.serving import WSGIRequestHandler, make_server

from commission.payouts import rails
from commission.payouts.rails.protocol import Timeouts
from commission.payouts.rails.sandbox.client import SandboxRail
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from coupons.clicks.recorder import recorder_of
from demo.accounts import Access, establish
from demo.cut import uplines
from demo.load import DATA
from demo.progress import Show
from demo.retail import COLUMNS, MEMBERS, ORDER_ITEMS, REFUND_ITEMS, RetailFolder, rows_of
from demo.run import Options
from tests.commission.payouts.rails.conftest import Sandbox
from tests.jobs import run_jobs

ORDERS_IN_SLICE = 60


def write_file(folder: Path, name: str, rows: Iterable[list[str]]) -> None:
    """One file of the data set."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS[name], *rows])
    (folder / name).write_bytes(gzip.compress(text.getvalue().encode()))


@pytest.fixture(scope="session")
def retail_slice(tmp_path_factory: pytest.TempPathFactory) -> RetailFolder:
    """Orders that were refunded, early and after the settlement, and some that were not; their customers' uplines."""
    folder = tmp_path_factory.mktemp("slice")
    refunds = list(rows_of(DATA / REFUND_ITEMS))
    late = {row[1] for row in refunds if row[5] > "2011-02-01"}
    early = {row[1] for row in refunds[:30]}
    lines = list(rows_of(DATA / ORDER_ITEMS))
    numbers = list(dict.fromkeys(row[0] for row in lines))
    chosen = {*numbers[:ORDERS_IN_SLICE], *sorted(late)[:12], *early}
    write_file(folder, ORDER_ITEMS, [row for row in lines if row[0] in chosen])
    write_file(folder, REFUND_ITEMS, [row for row in refunds if row[1] in chosen])
    customers = {row[1] for row in lines if row[0] in chosen} - {""}
    write_file(folder, MEMBERS, uplines(list(rows_of(DATA / MEMBERS)), customers))
    return RetailFolder(folder)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A real sandbox server, and the rail of this process leading to it."""
    server = Sandbox(tmp_path_factory.mktemp("sandbox"))
    before = dict(rails._rails)
    rails.register(SandboxRail(lambda: server.url, Timeouts(3, 10, 10)))
    yield server
    rails._rails.clear()
    rails._rails.update(before)
    server.kill()


class _Silent(WSGIRequestHandler):
    """Tells nothing of requests."""

    def log_request(self, *_: object) -> None:
        pass


@contextmanager
def served(wsgi: Any) -> Iterator[int]:
    """A web on a port of its own; the port."""
    server = make_server("127.0.0.1", 0, wsgi, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def clicks_dir(app: Flask) -> Path:
    """Where this application's clicks are written, whatever DATA_DIR a test gives it afterwards."""
    recorder_of(app)
    folder: Path = app.config["SETTINGS"].clicks_dir
    return folder


@pytest.fixture(scope="session")
def web(app: Flask, clicks_dir: Path) -> Iterator[int]:
    """The port at which the application answers."""
    with served(app) as port:
        yield port


def quiet() -> Show:
    """Plain lines that can be read back: `show.console.file.getvalue()`."""
    return Show(Console(file=io.StringIO(), width=200), None)


@pytest.fixture
def show() -> Show:
    return quiet()


@pytest.fixture
def access(app: Flask, sandbox: Sandbox) -> Access:
    """A fresh program, as the demo makes it."""
    return establish(app, "Test of the demo")


def work(program_id: UUID) -> None:
    """What scheduler, relay and workers do while the demo waits."""
    publish_where_due(program_id, list(SCHEDULES.values()))
    run_jobs(program_id)


def working_options(access: Access, batch: int = 50, seed: int | None = None) -> Options:
    return Options(batch=batch, seed=seed, pause=lambda: work(access.program))


@pytest.fixture
def spoilt(tmp_path: Path) -> Callable[[RetailFolder], RetailFolder]:
    """The same folder with a refund of more units than were sold."""

    def spoil(folder: RetailFolder) -> RetailFolder:
        for name in COLUMNS:
            rows = list(rows_of(folder.path / name))
            if name == REFUND_ITEMS:
                rows[0][4] = "1000000"
            write_file(tmp_path, name, rows)
        return RetailFolder(tmp_path)

    return spoil
