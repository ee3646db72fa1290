"""The program over HTTP: read and change settings."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.programs import service
from core.programs.schemas import ProgramChange, ProgramShape, program_shape

blueprint = Blueprint("programs", __name__)


@blueprint.get("/v1/program")
@endpoint("program:read", summary="The program and its settings", answer=ProgramShape)
def show_program(actor: Actor) -> Any:
    return program_shape(actor.program)


@blueprint.patch("/v1/program")
@endpoint(
    "program:write", summary="Change the program's settings", body=ProgramChange, answer=ProgramShape,
    refuses=("currency_fixed",),
)  # fmt: skip
def change_program(actor: Actor, body: dict[str, Any]) -> Any:
    return program_shape(service.change_program(actor, body.pop("name", None), body))
