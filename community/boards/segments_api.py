"""Segments over HTTP: tried out, saved, and read member by member."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint

from community.boards import grants, segments
from community.boards.errors import GrantNotFound, SegmentNotFound
from community.boards.grant_schemas import GrantShape, NewGrant, grant_shape
from community.boards.segment_schemas import (
    NewSegment,
    PreviewQuery,
    PreviewShape,
    SegmentChange,
    SegmentMemberShape,
    SegmentShape,
    segment_from,
    segment_member_shape,
    segment_shape,
)
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_public_id
from referral.members import service as members
from referral.members.service import MemberCard

blueprint = Blueprint("segments", __name__)

_SAMPLE = 10


@blueprint.get("/v1/segments/preview")
@endpoint(
    "boards:read", summary="How many members a segment would have, and some of them", query=PreviewQuery,
    answer=PreviewShape, description="All that is given must hold; only active members count.",
)  # fmt: skip
def preview_segment(actor: Actor, query: dict[str, Any]) -> Any:
    segment = segment_from(query)
    sample = segments.members_in_segment(actor.program_id, segment, None, _SAMPLE)
    return {
        "count": segments.size_of(actor.program_id, segment),
        "sample": [segment_member_shape(card) for card in _cards(actor.program_id, sample)],
    }


@blueprint.post("/v1/segments")
@endpoint(
    "segments:write", summary="Save a segment", body=NewSegment, answer=SegmentShape, status=201,
    description="It holds the terms; its members are found whenever it is used. Each call makes another: send an "
    "Idempotency-Key where it may be repeated.",
)  # fmt: skip
def create_segment(actor: Actor, body: dict[str, Any]) -> Any:
    saved = segments.save_segment(actor.program_id, body["name"], segment_from(body["terms"]), actor.id)
    return segment_shape(saved)


@blueprint.get("/v1/segments")
@endpoint("boards:read", summary="Saved segments, newest first", query=Page, answer=SegmentShape, paged=True)
def list_segments(actor: Actor, query: dict[str, Any]) -> Any:
    found = segments.segments_of(actor.program_id, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(found, query["limit"], segment_shape, lambda one: [str(one.id)])


@blueprint.get("/v1/segments/<ref>")
@endpoint("boards:read", summary="One segment", answer=SegmentShape)
def show_segment(actor: Actor, ref: str) -> Any:
    return segment_shape(segments.segment_of(actor.program_id, _segment_id(ref)))


@blueprint.patch("/v1/segments/<ref>")
@endpoint("segments:write", summary="Rename a segment, or change its terms", body=SegmentChange, answer=SegmentShape)
def change_segment(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    terms = segment_from(body["terms"]) if "terms" in body else None
    return segment_shape(segments.change_segment(actor.program_id, _segment_id(ref), body.get("name"), terms))


@blueprint.delete("/v1/segments/<ref>")
@endpoint("segments:write", summary="Forget a segment", status=204)
def delete_segment(actor: Actor, ref: str) -> Any:
    segments.delete_segment(actor.program_id, _segment_id(ref))


@blueprint.get("/v1/segments/<ref>/members")
@endpoint(
    "boards:read", summary="The segment's members, as they are now", query=Page, answer=SegmentMemberShape,
    paged=True,
)  # fmt: skip
def list_segment_members(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    segment = segments.segment_of(actor.program_id, _segment_id(ref)).segment
    after = id_cursor(query["cursor"])
    found = segments.members_in_segment(actor.program_id, segment, after, query["limit"] + 1)
    cards = _cards(actor.program_id, found)
    return page(cards, query["limit"], segment_member_shape, lambda card: [str(card.id)])


@blueprint.post("/v1/segments/<ref>/coupons")
@endpoint(
    "segments:write", summary="Give a coupon to each member of a segment", body=NewGrant, answer=GrantShape,
    status=202, also=(200,), refuses=("not_yet_valid", "expired", "ended"),
    description="Claimed for them in the background, within the coupon's limits, by the terms the segment has now; it "
    "stops when none is left. Members hear of theirs in their inbox. 200: the same grant is under way already.",
)  # fmt: skip
def grant_coupon(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    grant, is_new = grants.start_grant(actor.program_id, _segment_id(ref), body["coupon_id"], actor.id)
    return grant_shape(grant), 202 if is_new else 200


@blueprint.get("/v1/segments/<ref>/coupons")
@endpoint(
    "boards:read", summary="Coupons given to a segment, newest first", query=Page, answer=GrantShape, paged=True
)  # fmt: skip
def list_grants(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    before = id_cursor(query["cursor"])
    found = grants.grants_of(actor.program_id, _segment_id(ref), before, query["limit"] + 1)
    return page(found, query["limit"], grant_shape, lambda one: [str(one.id)])


@blueprint.get("/v1/segments/<ref>/coupons/<grant_ref>")
@endpoint("boards:read", summary="How far a coupon for a segment has come", answer=GrantShape)
def show_grant(actor: Actor, ref: str, grant_ref: str) -> Any:
    grant_id = parse_public_id("sgr", grant_ref)
    if grant_id is None:
        raise GrantNotFound()
    return grant_shape(grants.grant_of(actor.program_id, _segment_id(ref), grant_id))


def _cards(program_id: UUID, ids: Sequence[UUID]) -> list[MemberCard]:
    """In the order of the ids."""
    cards = members.cards_of(program_id, ids)
    return [cards[one] for one in ids if one in cards]


def _segment_id(ref: str) -> UUID:
    segment_id = parse_public_id("seg", ref)
    if segment_id is None:
        raise SegmentNotFound()
    return segment_id
