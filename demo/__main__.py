"""`python -m demo`: load the demo, replay a folder, cut the demo's data. Exit status 1: it failed; 2: usage."""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import sqlalchemy.exc
from rich.console import Console

from config.settings import SettingsError, load
from core.app import create_app
from core.errors import DomainError
from demo.cut import cut
from demo.intake import IntakeError
from demo.load import DATA, load_demo
from demo.office import OfficeError
from demo.product import ProductError
from demo.replay import replay
from demo.retail import RetailFolder, SourceError
from demo.run import BATCH, Options
from demo.web import WebError

_REASONS = (IntakeError, OfficeError, ProductError, SourceError, SettingsError, WebError)
_OUTAGES = (psycopg.OperationalError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)


def main() -> int:
    asked = _parser().parse_args()
    # as an exception, so that the bars give the terminal back its cursor
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        asked.command(asked)
    except _REASONS as error:
        return _failed(str(error))
    except DomainError as error:
        return _failed(f"{error.code}: {error.detail or error.title}")
    except _OUTAGES as error:
        return _failed(f"the database does not answer ({type(error).__name__}); what is in stays in, come again")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _failed(reason: str) -> int:
    print(f"demo: {reason}", file=sys.stderr)
    return 1


def _load(asked: argparse.Namespace) -> None:
    settings = load()
    app = create_app(replace(settings, log_level="warning"), process="demo")  # its own calls are no news
    with app.app_context():
        load_demo(app, Console(), RetailFolder(DATA), Options(batch=asked.batch))


def _replay(asked: argparse.Namespace) -> None:
    options = Options(batch=asked.batch, seed=asked.shuffle)
    replay(Console(), RetailFolder(asked.folder), options, twice=asked.twice)


def _cut(asked: argparse.Namespace) -> None:
    done = cut(asked.folder, asked.to, asked.month)
    print(f"{asked.to}: {done.members:,} members, {done.orders:,} orders with {done.lines:,} lines, ", end="")
    print(f"{done.refund_lines:,} refunded lines, {done.size:,} bytes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(required=True)
    loading = commands.add_parser("load", help="the demo program and its data, into the product of DATA_DIR")
    loading.set_defaults(command=_load)
    replaying = commands.add_parser("replay", help="a whole folder into a fresh program, with timings")
    replaying.set_defaults(command=_replay)
    replaying.add_argument("folder", type=Path, help="the Online Retail data")
    replaying.add_argument("--twice", action="store_true", help="once more: all must exist, no balance may move")
    replaying.add_argument("--shuffle", type=int, metavar="SEED", help="independent events in another order")
    for one in (loading, replaying):
        one.add_argument("--batch", type=_positive, default=BATCH, metavar="N", help=f"items a call ({BATCH})")
    cutting = commands.add_parser("cut", help="one month of the full data, as the demo has it")
    cutting.set_defaults(command=_cut)
    cutting.add_argument("folder", type=Path, help="the full data")
    cutting.add_argument("--month", default="2010-12", metavar="YYYY-MM")
    cutting.add_argument("--to", type=Path, default=DATA, metavar="FOLDER")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
