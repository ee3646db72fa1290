"""A member's own links: twins of the calls of shop and staff, on what is his."""

from typing import Any

from flask import Blueprint

from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_ref
from coupons.links import service
from coupons.links.offer_schemas import ShareTextQuery, ShareTextShape, share_text_shape
from coupons.links.schemas import LinkChange, LinkShape, MyLinkQuery, NewMyLinkBody, link_shape, new_link

blueprint = Blueprint("me_links", __name__)


@blueprint.get("/v1/me/links")
@endpoint(ME, summary="My links, newest first", query=MyLinkQuery, answer=LinkShape, paged=True)
def my_links(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query.pop("limit"), id_cursor(query.pop("cursor"))
    links = service.find_links(actor.program_id, query | {"member_id": actor.id}, before, limit + 1)
    return page(links, limit, link_shape, lambda link: [str(link.id)])


@blueprint.post("/v1/me/links")
@endpoint(
    ME, summary="Make a link of mine", body=NewMyLinkBody, answer=LinkShape, status=201, also=(200,),
    refuses=("already_exists",),
    description="As shop and staff make links, for the member who calls; chosen codes are first come, first served.",
)  # fmt: skip
def make_my_link(actor: Actor, body: dict[str, Any]) -> Any:
    (made,) = service.create(actor, [new_link(body | {"member_id": actor.id})])
    if made.link is None:
        raise made.error or AssertionError("neither a link nor an error")
    return link_shape(made.link), 201 if made.created else 200


@blueprint.get("/v1/me/links/<ref:ref>")
@endpoint(ME, summary="One link of mine", answer=LinkShape)
def my_link(actor: Actor, ref: str) -> Any:
    return link_shape(service.link_of(actor.program_id, parse_ref("lnk", ref), actor.id))


@blueprint.patch("/v1/me/links/<ref:ref>")
@endpoint(ME, summary="Change a link of mine", body=LinkChange, answer=LinkShape, refuses=("link_deleted",))
def change_my_link(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return link_shape(service.change(actor.program, parse_ref("lnk", ref), body, actor.id))


@blueprint.delete("/v1/me/links/<ref:ref>")
@endpoint(ME, summary="Delete a link of mine", status=204, description="For good; its stats stay. Again is no error.")
def delete_my_link(actor: Actor, ref: str) -> Any:
    service.delete(actor.program_id, parse_ref("lnk", ref), actor.id)


@blueprint.get("/v1/me/links/<ref:ref>/share-text")
@endpoint(
    ME, summary="A text to share my link with", query=ShareTextQuery, answer=ShareTextShape, refuses=("link_ended",)
)
def my_share_text(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    offer = service.offer_of(actor.program_id, parse_ref("lnk", ref), actor.id)
    return share_text_shape(offer, actor.program, query)
