"""JSON shapes of the members of groups, and the loaders of who joins. In a batch every item stands for itself."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.groups.members import Joined, Joining, MyStay, Stay, Unreadable
from community.groups.queries import Group
from community.groups.rules import LANGUAGES
from community.groups.service import PREFIX
from core.errors import Invalid
from core.http.fields import ExternalId, Identifier, QueryFlag, Text
from core.http.json import parsed
from core.http.problem import invalid_from
from core.http.schemas import Body, Page, batch_error
from core.ids import ExternalRef, public_id
from referral.members.schemas import MemberCardShape, member_card
from referral.members.service import MemberCard

MAX_BATCH = 1000


class NewGroupMemberBody(Body):
    member_id = Identifier("mem", load_default=None, allow_none=True)
    member_external_id = ExternalId(load_default=None, allow_none=True)
    chat_user = Text(
        200, load_default=None, allow_none=True,
        metadata={
            "description": "what the platform calls him: noted as his identity, by which his questions are known",
            "example": "ou_7d8a6e6df7621556ce0d21922b676706",
        },
    )  # fmt: skip

    @validates_schema
    def one_member(self, data: dict[str, Any], **_: Any) -> None:
        named = [name for name in ("member_id", "member_external_id") if data.get(name) is not None]
        if len(named) != 1:
            fault = "Exactly one of member_id and member_external_id names the member."
            raise ValidationError({"member_external_id" if named else "member_id": [fault]})


class GroupMemberBatchBody(Body):
    members = fields.List(
        fields.Nested(NewGroupMemberBody), required=True, validate=validate.Length(1, MAX_BATCH)
    )  # fmt: skip


class GroupMemberQuery(Page):
    left = QueryFlag(load_default=False, metadata={"description": "true: also those who left, one entry a stay"})


class GroupMemberShape(Schema):
    member = fields.Nested(MemberCardShape)
    told_by = fields.String(validate=validate.OneOf(["shop", "platform"]))
    joined_at = fields.DateTime()
    left_at = fields.DateTime(allow_none=True, metadata={"example": None})


class MyGroupShape(Schema):
    id = fields.String(metadata={"example": "grp_01kbt1wz00fcyry88y1p63pagn"})
    name = fields.String(metadata={"example": "Tea lovers 7"})
    platform = fields.String(metadata={"example": "webhook"})
    language = fields.String(validate=validate.OneOf(LANGUAGES))
    rules = fields.String(allow_none=True, metadata={"example": "Be kind."})
    is_owner = fields.Boolean()
    joined_at = fields.DateTime()


_shape = NewGroupMemberBody()


class JoiningLoader:
    """Body of `POST /v1/groups/{id}/members`."""

    schema: type[Schema] = NewGroupMemberBody

    def load(self, body: bytes) -> Joining:
        return _load(parsed(body))


class JoiningBatchLoader:
    """Body of `POST /v1/groups/{id}/members/batch`. Pointers of faults are relative to their item."""

    schema: type[Schema] = GroupMemberBatchBody

    def load(self, body: bytes) -> list[Joining | Unreadable]:
        document = parsed(body)
        items = document.get("members") if isinstance(document, dict) and len(document) == 1 else None
        if not isinstance(items, list):
            raise Invalid.at("/members", "The body must be an object with a list of members and nothing else.")
        if not 1 <= len(items) <= MAX_BATCH:
            raise Invalid.at("/members", f"Between 1 and {MAX_BATCH} members.")
        return [_load_item(item) for item in items]


def _load_item(item: Any) -> Joining | Unreadable:
    try:
        return _load(item)
    except Invalid as error:
        given = item.get("member_external_id") if isinstance(item, dict) else None
        return Unreadable(given if isinstance(given, str) else None, error)


def _load(document: Any) -> Joining:
    try:
        loaded = _shape.load(document)
    except ValidationError as error:
        raise invalid_from(error) from error
    named = loaded["member_external_id"]
    return Joining(loaded["member_id"] if named is None else ExternalRef(named), loaded["chat_user"])


def group_member_shape(stay: Stay, card: MemberCard) -> dict[str, Any]:
    return {
        "member": member_card(card),
        "told_by": stay.told_by,
        "joined_at": stay.joined_at,
        "left_at": stay.left_at,
    }


def joined_result(joined: Joined) -> dict[str, Any]:
    return {
        "external_id": joined.external_id,
        "status": "error" if joined.error else "created" if joined.created else "exists",
        "id": joined.stay and public_id("mem", joined.stay.member_id),
        "error": batch_error(joined.error) if joined.error else None,
    }


def my_group_shape(stay: MyStay, group: Group, is_owner: bool) -> dict[str, Any]:
    return {
        "id": public_id(PREFIX, group.id),
        "name": group.name,
        "platform": group.platform,
        "language": group.language,
        "rules": group.rules,
        "is_owner": is_owner,
        "joined_at": stay.joined_at,
    }
