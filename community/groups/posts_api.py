"""Scheduled posts over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.groups import posts
from community.groups.errors import PostNotFound
from community.groups.pictures import picture_of
from community.groups.post_schemas import (
    POST_PREFIX,
    NewPostBody,
    PostChange,
    PostQuery,
    PostShape,
    contents_of,
    post_shape,
)
from community.groups.posts import Post
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_public_id

blueprint = Blueprint("posts", __name__)


def _picture(actor: Actor, body: dict[str, Any]) -> bytes | None:
    return picture_of(body["image_url"])


@blueprint.post("/v1/posts")
@endpoint(
    "groups:write", summary="Schedule a post in groups or for a segment", body=NewPostBody, answer=PostShape,
    status=201, prepare=_picture,
    description="Once at an instant, or at a time of every day or of some weekdays, in the time zone of each group; a "
    "time that the clocks pass twice is the first of the two, one that they skip comes as much later. Each due time is "
    "posted once. One that is more than two hours late is left out and counted, unless it is a single one. A post for "
    "a segment goes into its members' inboxes, at the program's time. With "
    "`texts` each day has the next of them. Each call makes another: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def create_post(actor: Actor, body: dict[str, Any], prepared: bytes | None) -> Any:
    return _shown(actor, posts.create_post(actor.program, body | {"contents": contents_of(body)}, prepared))


@blueprint.get("/v1/posts")
@endpoint(
    "groups:read", summary="Scheduled posts, the newest first", query=PostQuery, answer=PostShape, paged=True
)  # fmt: skip
def list_posts(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    rows = posts.posts(actor.program_id, query.get("group_id"), query.get("status"), before, limit + 1)
    targets = posts.targets_of_posts(actor.program_id, [row.id for row in rows])
    audiences = posts.audiences_of(actor.program_id, [row.id for row in rows])

    def shown(row: Post) -> dict[str, Any]:
        return post_shape(row, targets[row.id], audiences.get(row.id))

    return page(rows, limit, shown, lambda row: [str(row.id)])


@blueprint.get("/v1/posts/<ref>")
@endpoint("groups:read", summary="One scheduled post, with its next times", answer=PostShape)
def show_post(actor: Actor, ref: str) -> Any:
    return _shown(actor, posts.post_of(actor.program_id, _post_id(ref)))


@blueprint.patch("/v1/posts/<ref>")
@endpoint(
    "groups:write", summary="Post something else from now on", body=PostChange, answer=PostShape,
    refuses=("wrong_state",), description="At the same times, in the same groups.",
)  # fmt: skip
def change_post(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, posts.change_contents(actor.program_id, _post_id(ref), contents_of(body)))


@blueprint.delete("/v1/posts/<ref>")
@endpoint(
    "groups:write", summary="Post it no more", status=204,
    description="What is in the queue already still goes out. Again is no error.",
)  # fmt: skip
def end_post(actor: Actor, ref: str) -> Any:
    posts.end_post(actor.program_id, _post_id(ref))


def _shown(actor: Actor, post: Post) -> dict[str, Any]:
    targets = posts.targets_of_posts(actor.program_id, [post.id])[post.id]
    return post_shape(post, targets, posts.audiences_of(actor.program_id, [post.id]).get(post.id))


def _post_id(ref: str) -> UUID:
    post_id = parse_public_id(POST_PREFIX, ref)
    if post_id is None:
        raise PostNotFound()
    return post_id
