"""The program that the data goes into, its keys and people; the demo's are kept in DATA_DIR/demo.json, mode 0600.

The file is written before the program is committed: a file without its program counts as none, so that a crash between
the two leaves nothing that cannot be used.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
from flask import Flask

from commission.plans.service import publish_plan
from config.settings import Settings
from core.auth import keys, staff
from core.auth.access import Role
from core.auth.actor import Actor, ActorKind
from core.auth.service import authenticate, program_of
from core.db import scalar, transaction
from core.errors import NotFound
from core.ids import parse_public_id, public_id
from core.programs.service import change_program, create_program
from core.servers.conditions import web_host
from demo.campaign import Campaign
from demo.retail import CURRENCY

TIMEZONE = "Europe/London"
SETTINGS = {"max_levels": 2, "hold_days": 7, "hold_from": "completed", "min_payout": 1000, "payout_cap_bps": 2000}
PLAN_NAME = "8 % and 4 %, not on postage and fees"
PLAN_STARTS = datetime(2010, 1, 1, tzinfo=UTC)
PLAN = {
    "levels": [{"rate_bps": 800}, {"rate_bps": 400}],
    "cap_bps": None,
    "rules": [{"match": {"category": "service"}, "excluded": True}],
}


class LogIn(msgspec.Struct, frozen=True):
    """What a person signs in with."""

    email: str
    password: str


class Access(msgspec.Struct, frozen=True):
    """Every way into the program. Secrets: shown to the operator, never logged."""

    base_url: str
    program_id: str
    api_key: str
    publishable_key: str
    owner: LogIn
    finance: tuple[LogIn, LogIn]
    loaded: bool = False  # all of the shop's data is in, and its affiliates are paid
    grouped: bool = False  # its groups are in the played chats
    campaign: Campaign = Campaign()

    @property
    def program(self) -> UUID:
        """Raises: ValueError: the file names none."""
        found = parse_public_id("prg", self.program_id)
        if found is None:
            raise ValueError(f"{self.program_id!r} is no program")
        return found


def base_url(settings: Settings) -> str:
    """Where this machine reaches the web."""
    host = web_host(settings)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def kept(path: Path) -> Access | None:
    """What an earlier start wrote, if its program is there; None where a new one must be made."""
    try:
        access = msgspec.json.decode(path.read_bytes(), type=Access)
        return access if _exists(access.program) else None
    except (FileNotFoundError, msgspec.MsgspecError, ValueError):
        return None


def _exists(program_id: UUID) -> bool:
    try:
        with transaction(program_id, read_only=True):
            program_of(program_id)
    except NotFound:
        return False
    return True


def keep(path: Path, access: Access) -> None:
    """Write the file, whole or not at all, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(access), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def establish(app: Flask, name: str, path: Path | None = None) -> Access:
    """A new program with settings, people, keys and plan; where there is a `path` its access is kept there first."""
    with transaction():
        program_id = create_program(name, CURRENCY, TIMEZONE)
        number = scalar("SELECT number FROM programs WHERE id = %(id)s", id=program_id)
        people = {who: _person(program_id, who, role, number) for who, role in _PEOPLE}
        owner_id, owner = people["owner"]
        actor = Actor(program_of(program_id), ActorKind.STAFF, owner_id, role=Role.OWNER)
        program = change_program(actor, None, dict(SETTINGS))
        publish_plan(Actor(program, ActorKind.STAFF, owner_id, role=Role.OWNER), PLAN_NAME, PLAN_STARTS, PLAN)
        _, api_key = keys.create_key(program_id, name=name)
        _, publishable_key = keys.create_key(program_id, kind="publishable", name=name)
        access = Access(
            base_url=base_url(app.config["SETTINGS"]), program_id=public_id("prg", program_id), api_key=api_key,
            publishable_key=publishable_key, owner=owner, finance=(people["finance-1"][1], people["finance-2"][1]),
        )  # fmt: skip
        if path is not None:
            keep(path, access)
    return access


_PEOPLE = (("owner", Role.OWNER), ("finance-1", Role.FINANCE), ("finance-2", Role.FINANCE))


def _person(program_id: UUID, who: str, role: Role, number: int) -> tuple[UUID, LogIn]:
    # addresses are unique in the whole installation, programs are numbered
    email = f"{who}@program-{number}.example"
    staff_id, password = staff.create_staff(program_id, email, role, who)
    return staff_id, LogIn(email, password)


def shop(access: Access) -> Actor:
    """The shop's server, as its API key says.

    Raises:
        Unauthenticated: the key was revoked.
    """
    return authenticate(f"Bearer {access.api_key}", "orders:write")
