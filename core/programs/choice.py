"""Which program a command is about: given as prg_ id, number or name."""

from collections.abc import Callable
from typing import Any

import click

from core.db import lookup
from core.ids import public_id
from core.programs.queries import ProgramCard, programs_meant


def program_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--program`, by whatever name the operator has for it."""
    return click.option("--program", "program_text", required=True, help="prg_ id, number or name")(command)


def chosen_program(text: str) -> ProgramCard:
    """Raises: click.BadParameter naming what there is instead."""
    with lookup():
        meant = programs_meant(text)
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise click.BadParameter(f"there is no {text!r}; see `flask program list`", param_hint="--program")
    ids = ", ".join(public_id("prg", one.id) for one in meant)
    raise click.BadParameter(f"{len(meant)} programs are named {text!r}: {ids}", param_hint="--program")
