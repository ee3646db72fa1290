"""The main job from end to end, for the demo and for the replay alike: there is no second way."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from core.db import transaction
from demo import events
from demo.accounts import Access, shop
from demo.intake import Intake, IntakeError
from demo.office import Office, Pause
from demo.outcome import Outcome, fingerprint_of, outcome_of
from demo.progress import Show
from demo.report import speed_lines
from demo.retail import RetailFolder

BATCH = 500  # as many orders as one call of the API carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the data goes in; none of it may change what comes out."""

    batch: int = BATCH
    seed: int | None = None  # mixes what is independent of each other
    pause: Pause | None = None  # between two looks at what the workers do


@dataclass(frozen=True, slots=True)
class Passed:
    """One pass over the data."""

    intake: Intake
    outcome: Outcome
    seconds: float


def run(app: Flask, access: Access, folder: RetailFolder, show: Show, options: Options) -> Passed:
    """Bring the folder into the program: members, orders, refunds, completions; mature, settle, pay; later refunds.

    May be repeated, and goes on where an earlier run was broken off: it ends the same.

    Raises:
        IntakeError, OfficeError, SourceError: it cannot go on; the message says why.
    """
    started = time.perf_counter()
    extent = folder.extent()
    actor = shop(access)
    settled = events.settled_at(extent.last_paid_at, actor.program.settings.timezone)
    intake = Intake(actor, show, options.batch)
    office = Office(app, access, show, options.pause)
    intake.take_members(events.members(folder, options.seed), extent.members)
    intake.take_events(events.before_settlement(folder, settled, options.seed), extent)
    settlement = office.settle(settled)
    intake.take_late_refunds(events.after_settlement(folder, settled))
    outcome = outcome_of(actor.program_id, actor.program.currency, settlement, office.maker)
    return Passed(intake, outcome, time.perf_counter() - started)


def run_again(app: Flask, access: Access, folder: RetailFolder, show: Show, options: Options) -> Iterator[str]:
    """The same once more: everything must be there already and every balance as it was. What to print.

    Raises:
        IntakeError: something was new, or a balance moved.
    """
    before = _fingerprint(access)
    show.lines(("", "Once more 再来一遍"))
    again = run(app, access, folder, show, options)
    new = {name: tally.created for name, tally in again.intake.tallies.items() if tally.created}
    if new:
        raise IntakeError(f"the second pass made something new: {new}")
    if _fingerprint(access) != before:
        raise IntakeError("the second pass moved a balance")
    yield from speed_lines(again.intake, again.seconds)
    yield "The second pass found everything there already; every balance is as it was to the cent."


def _fingerprint(access: Access) -> Any:
    with transaction(access.program, read_only=True):
        return fingerprint_of(access.program)
