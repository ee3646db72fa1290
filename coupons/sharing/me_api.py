"""Pictures of a member's own links: twins of the calls of shop and staff, on what is his."""

from typing import Any

from flask import Blueprint, Response

from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.ids import parse_ref
from coupons.sharing import mini_links, service
from coupons.sharing.schemas import PosterQuery, QrQuery, WxacodeQuery, look_from

blueprint = Blueprint("me_sharing", __name__)

_WECHAT = ("link_ended", "mini_program_missing", "wechat_refused", "wechat_unavailable")


@blueprint.get("/v1/me/links/<ref:ref>/qr.svg")
@endpoint(
    ME, summary="My link's QR code as SVG", query=QrQuery, also=(304,), media_type=service.SVG, refuses=("link_ended",)
)
def my_qr_svg(actor: Actor, ref: str, query: dict[str, Any]) -> Response:
    return service.qr_svg(service.living_link(actor.program_id, parse_ref("lnk", ref), actor.id), look_from(query))


@blueprint.get("/v1/me/links/<ref:ref>/qr.png")
@endpoint(
    ME, summary="My link's QR code as PNG", query=QrQuery, also=(304,), media_type=service.PNG, refuses=("link_ended",)
)
def my_qr_png(actor: Actor, ref: str, query: dict[str, Any]) -> Response:
    return service.qr_png(service.living_link(actor.program_id, parse_ref("lnk", ref), actor.id), look_from(query))


def _poster(actor: Actor, ref: str, query: dict[str, Any]) -> Response:
    return service.poster_png(actor.program, parse_ref("lnk", ref), owner=actor.id, **query)


@blueprint.get("/v1/me/links/<ref:ref>/poster.png")
@endpoint(
    ME, summary="A poster of my link to share", query=PosterQuery, also=(304,), media_type=service.PNG,
    refuses=("link_ended",), prepare=_poster,
)  # fmt: skip
def my_poster(actor: Actor, ref: str, query: dict[str, Any], prepared: Response) -> Response:
    return prepared


def _wxacode(actor: Actor, ref: str, query: dict[str, Any]) -> bytes:
    return mini_links.wxacode_png(actor.program_id, parse_ref("lnk", ref), query["width"], actor.id)


@blueprint.get("/v1/me/links/<ref:ref>/wxacode.png")
@endpoint(
    ME, summary="My link's mini-program code", query=WxacodeQuery, also=(304,), media_type=service.PNG,
    refuses=_WECHAT, prepare=_wxacode,
)  # fmt: skip
def my_wxacode(actor: Actor, ref: str, query: dict[str, Any], prepared: bytes) -> Response:
    return service.wxacode_answer(prepared)
