"""Templates of notices and subscribe messages over HTTP, for staff."""

from typing import Any

from flask import Blueprint

from community.notices import log_api, me_api, mini_program_api
from community.notices.schemas import (
    PreviewBody,
    PreviewShape,
    TemplateBody,
    TemplateShape,
    VersionShape,
    template_shape,
    variable_shapes,
    version_shape,
)
from community.notices.templates import known_topic, preview, texts_of, versions_of, write_text
from core.auth.actor import Actor
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.paging import decode_cursor, page
from core.http.schemas import Page, page_of

blueprint = Blueprint("notice_templates", __name__)
blueprints = (blueprint, mini_program_api.blueprint, me_api.blueprint, log_api.blueprint)


@blueprint.get("/v1/notice-templates")
@endpoint("notices:read", summary="The texts in force, of every topic and language", answer=TemplateShape, paged=True)
def list_templates(actor: Actor) -> Any:
    return page_of([template_shape(text) for text in texts_of(actor.program_id).values()])


@blueprint.post("/v1/notice-templates/preview")
@endpoint(
    "notices:write", summary="A text with sample data", body=PreviewBody, answer=PreviewShape,
    description="Nothing is stored. The variables are those that the topic's texts may name.",
)  # fmt: skip
def preview_template(actor: Actor, body: dict[str, Any]) -> Any:
    return {"text": preview(actor.program, **body), "variables": variable_shapes(body["topic"])}


@blueprint.get("/v1/notice-templates/<topic>/<language>")
@endpoint("notices:read", summary="The text in force", answer=TemplateShape)
def show_template(actor: Actor, topic: str, language: str) -> Any:
    known_topic(topic, language)
    return template_shape(texts_of(actor.program_id, [topic])[topic, language])


@blueprint.put("/v1/notice-templates/<topic>/<language>")
@endpoint(
    "notices:write", summary="Put a text in force", body=TemplateBody, answer=TemplateShape,
    description="Variables, comparisons, if, and for over a list; the filters upper, lower, truncate, default, money "
    "and date. It must come out in every case: each word, with amounts and without, with nothing known. What is put "
    "again makes no new version.",
)  # fmt: skip
def put_template(actor: Actor, topic: str, language: str, body: dict[str, Any]) -> Any:
    known_topic(topic, language)
    return template_shape(write_text(actor.program, actor.id, topic, language, body["text"], body["markdown"]))


@blueprint.delete("/v1/notice-templates/<topic>/<language>")
@endpoint(
    "notices:write", summary="Go back to the default text", status=204,
    description="As a new version; what was written stays among the versions. Again is no error.",
)  # fmt: skip
def delete_template(actor: Actor, topic: str, language: str) -> Any:
    known_topic(topic, language)
    write_text(actor.program, actor.id, topic, language, None, None)


@blueprint.get("/v1/notice-templates/<topic>/<language>/versions")
@endpoint(
    "notices:read", summary="What was written, newest first", query=Page, answer=VersionShape, paged=True,
    description="A version without a text went back to the default.",
)  # fmt: skip
def list_versions(actor: Actor, topic: str, language: str, query: dict[str, Any]) -> Any:
    known_topic(topic, language)
    before = _version_before(query["cursor"])
    rows = versions_of(actor.program_id, topic, language, before, query["limit"] + 1)
    return page(rows, query["limit"], version_shape, lambda row: [row.version])


def _version_before(cursor: str | None) -> int | None:
    position = decode_cursor(cursor, 1)
    if position is None:
        return None
    if type(position[0]) is not int or not 0 < position[0] < 1 << 31:
        raise Invalid.at("/cursor", "Not a cursor of this list.")
    return position[0]
