"""`python -m demo load`: the demo program and its data, once. The supervisor runs it at every start with DEMO=1."""

import contextlib
import fcntl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
from flask import Flask
from rich.console import Console

from demo import chats
from demo.accounts import Access, base_url, establish, keep, kept
from demo.launch import launch
from demo.outcome import example_of
from demo.progress import Show, showing
from demo.report import chat_lines, summary_lines, way_on_lines
from demo.retail import RetailFolder
from demo.run import Options, run

DATA = Path(__file__).parent / "data"
NAME = "Demo"
FILE = "demo.json"


def load_demo(app: Flask, console: Console, folder: RetailFolder, options: Options) -> None:
    """Make the demo program and load it, go on where an earlier start was broken off, or say that it is there.

    Raises:
        IntakeError, OfficeError, SourceError, WebError: it cannot go on; the message says why.
    """
    settings = app.config["SETTINGS"]
    path = settings.data_dir / FILE
    with _alone(settings.run_dir), showing(console) as show:
        access = _access(app, path, show)
        if not access.loaded:
            passed = run(app, access, folder, show, options)
            show.lines(summary_lines(passed.outcome))
            access = msgspec.structs.replace(access, loaded=True)
            keep(path, access)
        # after the payout and the fingerprint: those are of the shop's own orders
        played_at = chats.address(settings)
        access = chats.gather(access, played_at, show, partial(keep, path))
        access = launch(access, folder, show, partial(keep, path))
        show.lines(way_on_lines(access, str(path), example_of(access.program)))
        if access.grouped and played_at:
            show.lines(chat_lines(chats.book_url(played_at)))


def _access(app: Flask, path: Path, show: Show) -> Access:
    access = kept(path)
    if access is None:
        show.line("The demo: a gift shop's December 2010, from referral tree to payout 演示：从推荐关系到打款")
        return establish(app, NAME, path)
    show.line(
        "The demo is there already 演示数据已就绪"
        if access.campaign.complete
        else "The demo goes on where it was broken off 演示继续加载"
    )
    here = msgspec.structs.replace(access, base_url=base_url(app.config["SETTINGS"]))
    if here != access:  # the port is another one now
        keep(path, here)
    return here


@contextlib.contextmanager
def _alone(run_dir: Path) -> Iterator[None]:
    """One load of a DATA_DIR at a time; the kernel frees the lock however the process ends."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (run_dir / "demo.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
