"""A member's own notices over HTTP: his inbox, what he wants to hear, what he agreed to."""

from typing import Any

from flask import Blueprint

from community.notices import inbox
from community.notices.grants import add_grants, grants_of
from community.notices.me_schemas import (
    GrantBody,
    GrantShape,
    MyNoticeQuery,
    MyNoticeShape,
    ReadBody,
    ReadShape,
    SettingsBody,
    SettingsShape,
    UnreadShape,
    grant_shapes,
    my_notice_shape,
    settings_shape,
)
from community.notices.mini_program import topics_by_template
from community.notices.reading import in_words
from community.notices.settings import set_wishes, settings_of
from core.auth.access import ME
from core.auth.actor import Actor
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import page_of

blueprint = Blueprint("my_notices", __name__)


@blueprint.get("/v1/me/notices")
@endpoint(
    ME, summary="My notices, newest first", query=MyNoticeQuery, answer=MyNoticeShape, paged=True,
    description="In my language; others are named as they wish. Kept for 180 days.",
)  # fmt: skip
def list_my_notices(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    rows = inbox.notices_of(
        actor.program_id, actor.id, topic=query["topic"], unread=query["unread"], before=before, most=limit + 1
    )
    return page(in_words(actor.program, rows), limit, my_notice_shape, lambda read: [str(read.notice.id)])


@blueprint.get("/v1/me/notices/unread-count")
@endpoint(ME, summary="How many I have not read", answer=UnreadShape)
def count_unread(actor: Actor) -> Any:
    return {"unread": inbox.unread_count(actor.program_id, actor.id)}


@blueprint.post("/v1/me/notices/read")
@endpoint(
    ME, summary="Mark notices as read", body=ReadBody, answer=ReadShape,
    description="Some by their ids, or all up to one. Ids that are not mine have no effect; again is no error.",
)  # fmt: skip
def mark_read(actor: Actor, body: dict[str, Any]) -> Any:
    newly = inbox.mark_read(actor.program_id, actor.id, body["ids"], body["up_to"])
    return {"newly_read": newly, "unread": inbox.unread_count(actor.program_id, actor.id)}


@blueprint.get("/v1/me/notice-settings")
@endpoint(ME, summary="What I hear of, by which way", answer=SettingsShape)
def show_settings(actor: Actor) -> Any:
    return settings_shape(settings_of(actor.program_id, [actor.id])[actor.id])


@blueprint.put("/v1/me/notice-settings")
@endpoint(
    ME, summary="Set what I hear of, by which way", body=SettingsBody, answer=SettingsShape,
    description="In the place of what there was: topics that are not named are on. What was told stays in the inbox.",
)  # fmt: skip
def put_settings(actor: Actor, body: dict[str, Any]) -> Any:
    off = {
        way: [topic for topic, ways in body["topics"].items() if not ways[way]] for way in ("inbox", "mini_program")
    }  # fmt: skip
    wishes = set_wishes(
        actor.program_id, actor.id, language=body["language"], inbox_off=off["inbox"],
        mini_program_off=off["mini_program"],
    )  # fmt: skip
    return settings_shape(wishes)


@blueprint.get("/v1/me/notice-grants")
@endpoint(
    ME, summary="The subscribe messages there are, and how many I agreed to", answer=GrantShape, paged=True,
    description="What a mini-program asks for by wx.requestSubscribeMessage.",
)  # fmt: skip
def list_grants(actor: Actor) -> Any:
    templates = topics_by_template(actor.program_id)
    return page_of(grant_shapes(templates, grants_of(actor.program_id, [actor.id])))


@blueprint.post("/v1/me/notice-grants")
@endpoint(
    ME, summary="Tell that I agreed to subscribe messages", body=GrantBody, answer=GrantShape, status=201,
    description="Each consent that WeChat reports is for one message. Each call counts: send an Idempotency-Key where "
    "it may be repeated.",
)  # fmt: skip
def grant(actor: Actor, body: dict[str, Any]) -> Any:
    template_id = body["template_id"]
    topics = topics_by_template(actor.program_id).get(template_id)
    if topics is None:
        raise Invalid.at("/template_id", "No topic is told by this template.")
    left = add_grants(actor.program_id, actor.id, template_id, body["count"])
    return {"template_id": template_id, "topics": topics, "left": left}
