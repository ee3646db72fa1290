"""HTTP edge of clicks. Redirects are answered in front.py; what comes here of them was refused there."""

from typing import Any

from flask import Blueprint, current_app, request

from core.auth.access import PUBLIC
from core.auth.actor import Actor, ActorKind
from core.errors import Unavailable
from core.http.endpoint import endpoint
from coupons.clicks.front import REFUSAL
from coupons.clicks.recorder import Recorder, recorder_of
from coupons.clicks.records import BY_API, Part, part_of
from coupons.clicks.schemas import NewClick, NewClickShape
from coupons.clicks.targets import Dimensions, static_of
from coupons.clicks.visits import agent_in, new_visitor
from coupons.links.errors import LinkEnded, NoSuchLink

blueprint = Blueprint("clicks", __name__)
_NO_AGENT = part_of(b"")


@blueprint.get("/r/<code>")
@endpoint(
    PUBLIC,
    summary="Follow a link",
    status=302,
    refuses=("not_found", "link_ended", "unavailable"),
    description="To the link's destination, with `click_id` added to its query. `utm_*` and `s1` to `s5` of the short "
    "link's own query go on to the destination, unless it has them. HEAD is told the same without a click, and counts "
    "nothing. When the disk is full the visitor is still sent on, without a click.",
)
def follow(code: str) -> Any:
    raise request.environ.get(REFUSAL) or NoSuchLink()


@blueprint.post("/v1/clicks")
@endpoint(
    "clicks:write",
    summary="Record a click of a client that follows links itself",
    description="For mini-programs and apps. With an API key the click has neither address nor user agent: they would "
    "be the shop's server's.",
    body=NewClick,
    answer=NewClickShape,
    status=201,
    refuses=("not_found", "link_ended", "unavailable"),
    transactional=False,
)
def record_click(actor: Actor, body: dict[str, Any]) -> Any:
    recorder = recorder_of(current_app._get_current_object())  # type: ignore[attr-defined]
    target = recorder.targets.find(body["code"] or body["scene"])
    if target is None or target.facts.program_id != actor.program_id:
        raise NoSuchLink()
    if target.has_ended():
        raise LinkEnded()
    own = Dimensions(**{name: body[name] for name in Dimensions._fields})
    static = static_of(target.facts, own) if any(value is not None for value in own) else None
    visitor = body["visitor_id"] or new_visitor()
    token = recorder.record(target, visitor, *_client(recorder, actor), BY_API, static)
    if token is None:
        raise Unavailable("The click cannot be stored now; repeat the request.", retry_after=1)
    return {"click_id": token, "visitor_id": visitor}


def _client(recorder: Recorder, actor: Actor) -> tuple[bytes, Part]:
    """The address's hash and the user agent of who clicked."""
    if actor.kind is ActorKind.KEY:  # a shop's server tells of somebody else's click
        return b"", _NO_AGENT
    return recorder.addresses.hash_in(request.environ), agent_in(request.environ)
