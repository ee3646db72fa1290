"""The program's mini-program over HTTP, for its owner."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.errors import NotFound
from core.http.endpoint import endpoint
from coupons.sharing.mini_programs import find_mini_program, remove_mini_program, set_mini_program
from coupons.sharing.schemas import MiniProgramShape, NewMiniProgramBody, mini_program_shape

blueprint = Blueprint("mini_program", __name__)


@blueprint.get("/v1/mini-program")
@endpoint("mini_program:read", summary="The mini-program", answer=MiniProgramShape, refuses=("not_found",))
def get_mini_program(actor: Actor) -> Any:
    stored = find_mini_program(actor.program_id)
    if stored is None:
        raise NotFound("No mini-program is set up.")
    return mini_program_shape(stored)


@blueprint.put("/v1/mini-program")
@endpoint(
    "mini_program:write", summary="Set the mini-program", body=NewMiniProgramBody, answer=MiniProgramShape,
    description="WeChat is asked for URL Links and codes in its name. The secret is stored encrypted.",
)  # fmt: skip
def put_mini_program(actor: Actor, body: dict[str, Any]) -> Any:
    return mini_program_shape(set_mini_program(actor.program_id, actor.id, **body))


@blueprint.delete("/v1/mini-program")
@endpoint(
    "mini_program:write", summary="Take the mini-program away", status=204,
    description="URL Links and codes that WeChat made go on leading there. Again is no error.",
)  # fmt: skip
def delete_mini_program(actor: Actor) -> Any:
    remove_mini_program(actor.program_id)
