"""The HTTP edge of platforms: what each can do."""

from typing import Any

from flask import Blueprint

from community.platforms.schemas import PlatformsSchema
from community.platforms.service import PLATFORMS
from core.auth.actor import Actor
from core.http.endpoint import endpoint

blueprint = Blueprint("platforms", __name__)


@blueprint.get("/v1/platforms")
@endpoint("groups:read", summary="What each chat platform can do", answer=PlatformsSchema)
def platforms(actor: Actor) -> Any:
    return PlatformsSchema().dump({"data": list(PLATFORMS.values())})
