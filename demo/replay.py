"""`python -m demo replay FOLDER`: a whole folder into a fresh program, with the time it took."""

from dataclasses import replace

from flask import Flask
from rich.console import Console

from core.app import create_app
from demo.accounts import establish
from demo.product import running_product
from demo.progress import Show, showing
from demo.report import speed_lines, summary_lines, way_on_lines
from demo.retail import RetailFolder
from demo.run import Options, run, run_again

NAME = "Replay"


def replay(console: Console, folder: RetailFolder, options: Options, *, twice: bool) -> None:
    """Through the product that runs on these settings, else through one of its own.

    Raises:
        ProductError, IntakeError, OfficeError, SourceError: it cannot go on; the message says why.
    """
    folder.extent()  # before anything is started: is it the data at all
    with running_product() as (settings, stays):
        app = create_app(replace(settings, log_level="warning"), process="demo")
        with app.app_context(), showing(console) as show:
            where = settings.data_dir if stays else "a product of its own, for the length of the run"
            show.line(f"Replay of {folder.path} through {where}")
            replay_through(app, folder, show, options, twice=twice, stays=stays)


def replay_through(app: Flask, folder: RetailFolder, show: Show, options: Options, *, twice: bool, stays: bool) -> None:
    """The same on an application that is there."""
    access = establish(app, NAME)
    passed = run(app, access, folder, show, options)
    show.lines(summary_lines(passed.outcome))
    show.lines(speed_lines(passed.intake, passed.seconds))
    if twice:
        show.lines(run_again(app, access, folder, show, options))
    if stays:
        show.lines(way_on_lines(access, None, passed.outcome.example))
