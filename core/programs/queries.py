"""Reads of programs for the operator."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all
from core.ids import parse_public_id


class ProgramCard(NamedTuple):
    """A program as the operator sees it."""

    id: UUID
    number: int
    name: str
    currency: str
    timezone: str
    created_at: datetime


def all_programs() -> list[ProgramCard]:
    """Every program, oldest first."""
    return fetch_all(
        ProgramCard,
        """SELECT p.id, p.number, p.name, s.settings ->> 'currency', s.settings ->> 'timezone', p.created_at
           FROM programs p
           JOIN program_settings s ON s.program_id = p.id AND s.version = p.settings_version
           ORDER BY p.number""",
    )


def programs_meant(text: str) -> list[ProgramCard]:
    """Programs that an operator may mean by an id, a number or a name; an id or a number means one."""
    program_id = parse_public_id("prg", text)
    programs = all_programs()
    exact = [one for one in programs if one.id == program_id or str(one.number) == text]
    return exact or [one for one in programs if one.name.casefold() == text.casefold()]
