"""The contract on the command line."""

import click
from flask.cli import with_appcontext

from core.http.openapi import document_text


@click.command("openapi")
@with_appcontext
def openapi() -> None:
    """Print the contract as OpenAPI 3.1."""
    click.echo(document_text())


commands = (openapi,)
