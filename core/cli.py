"""What the operator's commands share: JSON or a table on standard output, one clear line when something is refused."""

from collections.abc import Sequence
from typing import Any

import click
import orjson
import psycopg
from flask.cli import AppGroup
from marshmallow import ValidationError

from core.errors import DomainError
from core.http.problem import DATABASE_DOWN

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


class Command(click.Command):
    """A command whose refusals are told in a line, with a non-zero exit."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise click.ClickException(_told(error)) from error
        except DATABASE_DOWN as error:
            raise click.ClickException("The database cannot be reached: start it with `make run`.") from error
        except psycopg.errors.UndefinedTable as error:
            raise click.ClickException("The database is not migrated: `make run` or `flask db upgrade`.") from error


class Commands(AppGroup):
    """A group of such commands."""

    command_class = Command


def _told(error: DomainError) -> str:
    faults = "; ".join(f"{fault.pointer.strip('/')}: {fault.detail}" for fault in error.faults)
    return faults or error.detail


def checked(field: Any, name: str, value: Any) -> Any:
    """An option's value through the field that checks it over HTTP.

    Raises:
        click.BadParameter: the field refuses it.
    """
    try:
        return field.deserialize(value)
    except ValidationError as error:
        raise click.BadParameter(" ".join(map(str, error.messages)), param_hint=name) from error


def show_json(value: Any) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_UTC_Z))


def show_table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as what stands in them; the last may run on."""
    cells = [list(heads), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_facts(facts: dict[str, Any]) -> None:
    """One fact a line."""
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.ljust(width)}  {value}")
