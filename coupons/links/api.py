"""Links over HTTP. One link and a batch take the same path."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import batch_error
from core.ids import parse_ref, public_id
from coupons.links import me_api, service
from coupons.links.loading import LinkBatchLoader, LinkLoader
from coupons.links.new_link import NewLink, Unreadable
from coupons.links.offer_schemas import (
    ResolvedShape,
    ResolveQuery,
    ShareTextQuery,
    ShareTextShape,
    resolved_shape,
    share_text_shape,
)
from coupons.links.schemas import LinkBatchResults, LinkChange, LinkQuery, LinkShape, link_shape
from coupons.links.service import Made

blueprint = Blueprint("links", __name__)
blueprints = (blueprint, me_api.blueprint)


@blueprint.post("/v1/links")
@endpoint(
    "links:write", summary="Make a tracked link", body=LinkLoader(), answer=LinkShape, status=201, also=(200,),
    refuses=("already_exists",),
    description="A chosen `code` is a natural key: the same content again answers 200 with the stored link. A code is "
    "unique in the whole installation and never given again.",
)  # fmt: skip
def create_link(actor: Actor, body: NewLink) -> Any:
    (made,) = service.create(actor, [body])
    if made.link is None:
        raise made.error or AssertionError("neither a link nor an error")
    return link_shape(made.link), 201 if made.created else 200


@blueprint.post("/v1/links/batch")
@endpoint(
    "links:write", summary="Make up to 1000 links", body=LinkBatchLoader(), answer=LinkBatchResults,
    description="Results in request order; one bad link never harms the others. Pointers are relative to the item.",
)  # fmt: skip
def create_links(actor: Actor, body: list[NewLink | Unreadable]) -> Any:
    return {"results": [_result(made) for made in service.create(actor, body)]}


@blueprint.get("/v1/links")
@endpoint(
    "links:read", summary="Links, newest first", query=LinkQuery, answer=LinkShape, paged=True,
    description="Without `status` the ended and deleted ones too.",
)  # fmt: skip
def list_links(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query.pop("limit"), id_cursor(query.pop("cursor"))
    links = service.find_links(actor.program_id, query, before, limit + 1)
    return page(links, limit, link_shape, lambda link: [str(link.id)])


@blueprint.get("/v1/links/resolve")
@endpoint(
    "links:resolve", summary="What a visitor is shown behind a code", query=ResolveQuery, answer=ResolvedShape,
    refuses=("not_found", "link_ended"),
    description="For mini-programs and pages that follow a link themselves. `coupon` is null once its code cannot be "
    "used any more.",
)  # fmt: skip
def resolve_link(actor: Actor, query: dict[str, Any]) -> Any:
    return resolved_shape(service.resolve(actor.program_id, query.get("scene") or query["code"]))


@blueprint.get("/v1/links/<ref:ref>")
@endpoint("links:read", summary="One link, ended or not", answer=LinkShape)
def get_link(actor: Actor, ref: str) -> Any:
    return link_shape(service.link_of(actor.program_id, parse_ref("lnk", ref)))


@blueprint.patch("/v1/links/<ref:ref>")
@endpoint(
    "links:write", summary="Change a link", body=LinkChange, answer=LinkShape, refuses=("link_deleted",),
    description="Clicks and orders keep what they copied from the link before. Redirects follow within 2 s.",
)  # fmt: skip
def change_link(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return link_shape(service.change(actor.program, parse_ref("lnk", ref), body))


@blueprint.delete("/v1/links/<ref:ref>")
@endpoint(
    "links:write", summary="Delete a link", status=204,
    description="It stays readable with its stats and leads nowhere any more. Again is no error.",
)  # fmt: skip
def delete_link(actor: Actor, ref: str) -> Any:
    service.delete(actor.program_id, parse_ref("lnk", ref))


@blueprint.get("/v1/links/<ref:ref>/share-text")
@endpoint(
    "links:read", summary="A text to share the link with", query=ShareTextQuery, answer=ShareTextShape,
    refuses=("link_ended",), description="Title, price, coupon code and short link together, in Chinese or English.",
)  # fmt: skip
def get_share_text(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    return share_text_shape(service.offer_of(actor.program_id, parse_ref("lnk", ref)), actor.program, query)


def _result(made: Made) -> dict[str, Any]:
    return {
        "external_id": made.code,
        "status": "error" if made.error else "created" if made.created else "exists",
        "id": made.link and public_id("lnk", made.link.id),
        "error": batch_error(made.error) if made.error else None,
    }
