"""`flask program`: tenants are made by the operator, never over HTTP."""

from typing import Any

import click

from core.audit import service as audit
from core.auth import keys, staff
from core.auth.access import Role
from core.auth.actor import ActorKind
from core.cli import Commands, as_json, checked, show_facts, show_json, show_table
from core.db import lookup, transaction
from core.http.fields import EmailAddress, Text
from core.ids import public_id
from core.programs.queries import all_programs
from core.programs.service import create_program
from core.programs.settings import ProgramSettings

program = Commands("program", help="Programs: the tenants of this installation.")


@program.command("create")
@click.option("--name", required=True)
@click.option("--currency", required=True, help="ISO 4217, such as GBP")
@click.option("--owner-email", required=True, help="who signs in as the first owner")
@click.option("--timezone", default=ProgramSettings().timezone, show_default=True, help="IANA, such as Europe/London")
@as_json
def create(name: str, currency: str, owner_email: str, timezone: str, as_json: bool) -> None:
    """Make a program with an owner and its first keys. Keys and password are shown this once."""
    name = checked(Text(100), "--name", name)
    email = checked(EmailAddress(), "--owner-email", owner_email)
    with transaction():
        made = _made(name, currency.upper(), timezone, email)
    if as_json:
        show_json(made)
    else:
        show_facts({"program": made["program_id"], "API key": made["api_key"]}
                   | {"publishable key": made["publishable_key"]} | _sign_in(made["owner"]))  # fmt: skip
        click.echo("Keep them: they are not shown again.")


def _made(name: str, currency: str, timezone: str, email: str) -> dict[str, Any]:
    program_id = create_program(name, currency, timezone)
    _, password = staff.create_staff(program_id, email, Role.OWNER)
    _, secret = keys.create_key(program_id, name="first")
    _, publishable = keys.create_key(program_id, kind="publishable", name="first")
    shown_id = public_id("prg", program_id)
    audit.record(program_id, ActorKind.SYSTEM, None, "programs.create_program", shown_id, {})
    return {
        "program_id": shown_id,
        "api_key": secret,
        "publishable_key": publishable,
        "owner": {"email": email.lower(), "password": password},
    }


def _sign_in(owner: dict[str, str]) -> dict[str, str]:
    return {"owner": owner["email"], "password": owner["password"]}


@program.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every program, oldest first."""
    with lookup():
        programs = all_programs()
    if as_json:
        show_json([one._asdict() | {"id": public_id("prg", one.id)} for one in programs])
        return
    rows = [(one.number, public_id("prg", one.id), one.currency, one.timezone, one.name) for one in programs]
    show_table(("number", "id", "currency", "timezone", "name"), rows)


commands = (program,)
