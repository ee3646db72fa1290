"""The payout lock on the command line: JSON on stdout alone, what went wrong on stderr."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
import orjson
from flask.cli import AppGroup

from commission.payouts import reconciliation, unlocking
from commission.payouts.lock import held_lock, lock_payouts
from core.db import transaction
from core.errors import DomainError

R = TypeVar("R")

payouts = AppGroup("payouts", help="Lock payouts, reconcile them with the rails after a restore, unlock them.")


@payouts.command("status")
def status() -> None:
    """Say whether payouts are locked, and what keeps them so."""
    with transaction():
        lock = held_lock()
    _print({"locked": lock is not None} | (lock.detail if lock else {}))


@payouts.command("lock")
@click.option("--reason", required=True, help="why nothing may be sent")
def lock(reason: str) -> None:
    """Stop all sending. Questions to the rails go on."""
    with transaction():
        lock_payouts({"reason": reason})
    _print({"locked": True, "reason": reason})


@payouts.command("reconcile")
def reconcile() -> None:
    """Compare the rails' books with ours. Ends with 1 while findings are not acknowledged."""
    report = _refusable(reconciliation.reconcile)
    _print({"counts": report.counts, "findings": report.findings, "open": len(report.open_findings)})
    raise SystemExit(1 if report.open_findings else 0)


@payouts.command("acknowledge")
@click.argument("names", nargs=-1, required=True)
@click.option("--evidence", required=True, help="what was done about it, such as the adjustment that was posted")
@click.option("--by", required=True, help="who answers for it")
def acknowledge(names: tuple[str, ...], evidence: str, by: str) -> None:
    """Answer for findings, named by their keys or by their class (such as ours_only)."""
    _print({"acknowledged": _refusable(lambda: unlocking.acknowledge(names, evidence, by))})


@payouts.command("unlock")
def unlock() -> None:
    """Let payouts go out again, once they are reconciled."""
    waiting = _refusable(unlocking.unlock)
    _print({"locked": False, "queued": waiting})


def _refusable(call: Callable[[], R]) -> R:
    try:
        return call()
    except DomainError as error:
        raise click.ClickException(error.detail) from error


def _print(value: Any) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


commands = (payouts,)
