"""A member's own data, and his team as far as he may see it: names masked, no phones, no external ids."""

from typing import Any

from flask import Blueprint

from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from referral.members import service
from referral.members.schemas import MemberShape, member_shape

blueprint = Blueprint("me", __name__)


@blueprint.get("/v1/me")
@endpoint(ME, summary="Who I am", answer=MemberShape)
def me(actor: Actor) -> Any:
    member = service.member_of(actor.program_id, actor.id)
    return member_shape(member, service.depths_of(actor.program_id, [member])[member.id])
