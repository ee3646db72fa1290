"""Pictures of links over HTTP, for shop and staff, and ways into the mini-program."""

from typing import Any

from flask import Blueprint, Response

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.ids import parse_ref
from coupons.sharing import me_api, mini_links, mini_program_api, service
from coupons.sharing.mini_links import UrlLink
from coupons.sharing.schemas import NewUrlLinkBody, PosterQuery, QrQuery, UrlLinkShape, WxacodeQuery, look_from

blueprint = Blueprint("sharing", __name__)
blueprints = (blueprint, me_api.blueprint, mini_program_api.blueprint)

CACHED = "Answers have a strong ETag; `If-None-Match` gets 304."
_WECHAT = ("link_ended", "mini_program_missing", "wechat_refused", "wechat_unavailable")


@blueprint.get("/v1/links/<ref:ref>/qr.svg")
@endpoint(
    "links:read", summary="The link's QR code as SVG", query=QrQuery, also=(304,), media_type=service.SVG,
    refuses=("link_ended",), description=f"It holds the short address. {CACHED}",
)  # fmt: skip
def get_qr_svg(actor: Actor, ref: str, query: dict[str, Any]) -> Response:
    return service.qr_svg(service.living_link(actor.program_id, parse_ref("lnk", ref)), look_from(query))


@blueprint.get("/v1/links/<ref:ref>/qr.png")
@endpoint(
    "links:read", summary="The link's QR code as PNG", query=QrQuery, also=(304,), media_type=service.PNG,
    refuses=("link_ended",),
    description=f"It holds the short address. Modules are whole pixels: what is left over widens the margin. {CACHED}",
)  # fmt: skip
def get_qr_png(actor: Actor, ref: str, query: dict[str, Any]) -> Response:
    return service.qr_png(service.living_link(actor.program_id, parse_ref("lnk", ref)), look_from(query))


def _poster(actor: Actor, ref: str, query: dict[str, Any]) -> Response:
    return service.poster_png(actor.program, parse_ref("lnk", ref), **query)


@blueprint.get("/v1/links/<ref:ref>/poster.png")
@endpoint(
    "links:read", summary="A poster of the link to share", query=PosterQuery, also=(304,), media_type=service.PNG,
    refuses=("link_ended",), prepare=_poster,
    description="Product picture, title, price, coupon code, sharer and QR code. A picture that cannot be had within "
    f"5 s is left out. {CACHED}",
)  # fmt: skip
def get_poster(actor: Actor, ref: str, query: dict[str, Any], prepared: Response) -> Response:
    return prepared


def _wxacode(actor: Actor, ref: str, query: dict[str, Any]) -> bytes:
    return mini_links.wxacode_png(actor.program_id, parse_ref("lnk", ref), query["width"])


@blueprint.get("/v1/links/<ref:ref>/wxacode.png")
@endpoint(
    "links:read", summary="The link's mini-program code", query=WxacodeQuery, also=(304,), media_type=service.PNG,
    refuses=_WECHAT, prepare=_wxacode,
    description=f"Made by WeChat for the link's `mini_program_path`; its `scene` is the link's code. {CACHED}",
)  # fmt: skip
def get_wxacode(actor: Actor, ref: str, query: dict[str, Any], prepared: bytes) -> Response:
    return service.wxacode_answer(prepared)


def _url_link(actor: Actor, ref: str, body: dict[str, Any]) -> UrlLink:
    return mini_links.url_link_of(actor.program_id, parse_ref("lnk", ref), body["expires_in_days"])


@blueprint.post("/v1/links/<ref:ref>/url-link")
@endpoint(
    "links:write", summary="A WeChat URL Link of the link", body=NewUrlLinkBody, answer=UrlLinkShape, refuses=_WECHAT,
    prepare=_url_link,
    description="An https address that opens the mini-program from outside WeChat, with the link's code as `scene`. "
    "WeChat makes 500,000 a day: one that has at least half of its days left is answered again.",
)  # fmt: skip
def make_url_link(actor: Actor, ref: str, body: dict[str, Any], prepared: UrlLink) -> Any:
    if prepared.is_new:
        mini_links.store_url_link(actor.program_id, prepared)
    return {"url_link": prepared.url_link, "expires_at": prepared.expires_at}
