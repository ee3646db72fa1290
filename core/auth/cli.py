"""`flask staff` and `flask key`: the operator's way to credentials. Everything made here is audited as `system`."""

from typing import Any
from uuid import UUID

import click

from core.audit import service as audit
from core.auth import keys, staff
from core.auth.access import KEY_SCOPES, Role
from core.auth.actor import ActorKind
from core.cli import Commands, as_json, checked, show_facts, show_json, show_table
from core.db import transaction
from core.http.fields import EmailAddress, Text
from core.ids import parse_public_id, public_id
from core.programs.choice import chosen_program, program_option

people = Commands("staff", help="Staff: people who sign in.")
credentials = Commands("key", help="API keys of a program.")


@people.command("create")
@program_option
@click.option("--email", required=True)
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--name", default=None)
@as_json
def create_staff(program_text: str, email: str, role: str, name: str | None, as_json: bool) -> None:
    """Add a staff member. The password is generated and shown this once."""
    program = chosen_program(program_text)
    address = checked(EmailAddress(), "--email", email).lower()
    with transaction(program.id):
        staff_id, password = staff.create_staff(program.id, address, Role(role), name)
        _record(program.id, "auth.create_staff", public_id("stf", staff_id), {"role": role})
    made = {"staff_id": public_id("stf", staff_id), "email": address, "role": role, "password": password}
    _show(made, as_json, once="the password")


@credentials.command("create")
@program_option
@click.option("--name", required=True, help="what the key is for")
@click.option("--kind", type=click.Choice(list(keys.PREFIXES)), default="secret", show_default=True)
@click.option("--scope", "scopes", multiple=True, type=click.Choice(KEY_SCOPES), help="several times; none: all")
@as_json
def create_key(program_text: str, name: str, kind: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make an API key, which is shown this once. Several live at once: make the new, then revoke the old."""
    program = chosen_program(program_text)
    label = checked(Text(100), "--name", name)
    with transaction(program.id):
        key_id, key = keys.create_key(program.id, kind=kind, name=label, scopes=scopes or None)
        _record(program.id, "auth.create_key", public_id("key", key_id), {})
        granted = keys.key_of(program.id, key_id).scopes
    made = {"key_id": public_id("key", key_id), "key": key, "kind": kind, "name": label, "scopes": granted}
    _show(made, as_json, once="the key")


@credentials.command("list")
@program_option
@as_json
def list_keys(program_text: str, as_json: bool) -> None:
    """Keys of a program, newest first, revoked ones included."""
    program = chosen_program(program_text)
    with transaction(program.id, read_only=True):
        found = keys.keys_of(program.id)
    if as_json:
        show_json([key._asdict() | {"id": public_id("key", key.id)} for key in found])
        return
    rows = [(public_id("key", key.id), key.kind, f"…{key.hint}", key.name, _state(key)) for key in found]
    show_table(("id", "kind", "key", "name", "state"), rows)


@credentials.command("revoke")
@program_option
@click.argument("key_id")
def revoke_key(program_text: str, key_id: str) -> None:
    """End a key: the next request with it is refused."""
    program = chosen_program(program_text)
    value = parse_public_id("key", key_id)
    if value is None:
        raise click.BadParameter(f"{key_id!r} is no key's id (key_…); see `flask key list`", param_hint="KEY_ID")
    with transaction(program.id):
        keys.revoke_key(program.id, value)
        _record(program.id, "auth.revoke_key", key_id, {})
    click.echo(f"{key_id} is revoked.")


def _state(key: keys.ApiKey) -> str:
    return "live" if key.revoked_at is None else f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"


def _record(program_id: UUID, action: str, target: str, detail: dict[str, Any]) -> None:
    audit.record(program_id, ActorKind.SYSTEM, None, action, target, detail)


def _show(made: dict[str, Any], as_json: bool, *, once: str) -> None:
    if as_json:
        show_json(made)
        return
    show_facts({name: ", ".join(value) if isinstance(value, list) else value for name, value in made.items()})
    click.echo(f"Keep {once}: it is not shown again.")


commands = (people, credentials)
