"""JSON shapes of members."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from core.encryption import decrypt, masked
from core.http.fields import Attributes, ExternalId, Identifier, Instant, Note, Text
from core.http.schemas import BatchResult, Body, Page
from core.ids import parse_public_id, public_id, public_id_or_none
from referral.members.invite_codes import normalised_invite_code
from referral.members.new_member import INVITER_FIELDS, STANDARD_GRADE, Identity, InviterName, NewMember
from referral.members.queries import Member, MemberCard
from referral.members.rules import normalised_phone

MAX_BATCH = 1000
BINDING_SOURCES = ("registration", "invite_code", "link", "click", "order", "api", "staff")


class Phone(Text):
    """A phone number in any usual writing."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        phone = normalised_phone(super()._deserialize(*args, **kwargs))
        if phone is None:
            raise ValidationError("Not a phone number.")
        return phone


class WebAddress(Text):
    """An http or https address."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        address = super()._deserialize(*args, **kwargs)
        if not address.startswith(("https://", "http://")) or " " in address:
            raise ValidationError("Not an http(s) address.")
        return address


class IdentityBody(Body):
    kind = Text(40, required=True, metadata={"description": "openid, unionid, …"})
    value = Text(200, required=True)


class NewMemberBody(Body):
    external_id = ExternalId(required=True)
    name = Text(200, load_default=None, allow_none=True)
    inviter_external_id = ExternalId(load_default=None, allow_none=True)
    inviter_id = Text(60, load_default=None, allow_none=True)
    invite_code = Text(40, load_default=None, allow_none=True, metadata={"description": "of the inviter"})
    link_code = Text(40, load_default=None, allow_none=True, metadata={"description": "of a link of the inviter"})
    click_id = Text(100, load_default=None, allow_none=True, metadata={"description": "a click on the inviter's link"})
    visitor_id = Text(200, load_default=None, allow_none=True, metadata={"description": "the member's device"})
    joined_at = Instant(load_default=None, allow_none=True)
    grade = Text(50, load_default=STANDARD_GRADE)
    phone = Phone(40, load_default=None, allow_none=True)
    avatar_url = WebAddress(2000, load_default=None, allow_none=True)
    identities = fields.List(fields.Nested(IdentityBody), load_default=list, validate=validate.Length(0, 10))
    attributes = Attributes(load_default=dict)

    @validates_schema
    def one_inviter(self, data: dict[str, Any], **_: Any) -> None:
        named = [name for name in INVITER_FIELDS if data.get(name) is not None]
        if len(named) > 1:
            raise ValidationError({name: ["The inviter may be named in one way only."] for name in named[1:]})


class MemberBatchBody(Body):
    members = fields.List(fields.Nested(NewMemberBody), required=True, validate=validate.Length(1, MAX_BATCH))


class MemberChange(Body):
    name = Text(200, allow_none=True)
    grade = Text(50)
    phone = Phone(40, allow_none=True)
    avatar_url = WebAddress(2000, allow_none=True)
    attributes = Attributes()
    status = fields.String(validate=validate.OneOf(["active", "suspended"]))


class MemberQuery(Page):
    external_id = ExternalId()
    inviter_id = Identifier("mem")
    grade = Text(50)
    q = Text(200, metadata={"description": "part of a name or an external id"})


class EnrolmentBody(Body):
    action = fields.String(required=True, validate=validate.OneOf(["apply", "approve", "reject", "exit"]))
    agreement_version = Text(100, load_default=None, allow_none=True)
    reason = Note(500, load_default=None, allow_none=True)


class BindingShape(Schema):
    source = fields.String(validate=validate.OneOf(BINDING_SOURCES))
    bound_at = fields.DateTime()
    protected_until = fields.DateTime(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)


class MemberShape(Schema):
    id = fields.String()
    external_id = fields.String(allow_none=True, metadata={"description": "null: erased"})
    name = fields.String(allow_none=True)
    inviter_id = fields.String(allow_none=True)
    binding = fields.Nested(BindingShape, allow_none=True)
    depth = fields.Integer(metadata={"description": "how many stand above; 0 for a root"})
    invite_code = fields.String(allow_none=True)
    grade = fields.String()
    status = fields.String(validate=validate.OneOf(["active", "suspended", "erased"]))
    enrolment = fields.String(validate=validate.OneOf(["none", "applied", "enrolled", "rejected", "exited"]))
    agreement_version = fields.String(allow_none=True)
    phone = fields.String(allow_none=True, metadata={"description": "masked"})
    avatar_url = fields.String(allow_none=True)
    attributes = fields.Dict()
    joined_at = fields.DateTime()


class MemberBatchResults(Schema):
    results = fields.List(fields.Nested(BatchResult))


class MemberCardShape(Schema):
    """A member inside another resource."""

    id = fields.String()
    external_id = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    grade = fields.String()
    status = fields.String()


def member_card(card: MemberCard) -> dict[str, Any]:
    return card._asdict() | {"id": public_id("mem", card.id)}


def member_shape(member: Member, depth: int) -> dict[str, Any]:
    return {
        "id": public_id("mem", member.id),
        "external_id": member.external_id,
        "name": member.name,
        "inviter_id": public_id_or_none("mem", member.inviter_id),
        "binding": _binding_shape(member),
        "depth": depth,
        "invite_code": member.invite_code,
        "grade": member.grade,
        "status": member.status,
        "enrolment": member.enrolment,
        "agreement_version": member.agreement_version,
        "phone": member.phone_sealed and masked(decrypt(member.phone_sealed, member.id)),
        "avatar_url": member.avatar_url,
        "attributes": member.attributes,
        "joined_at": member.joined_at,
    }


def _binding_shape(member: Member) -> dict[str, Any] | None:
    if member.inviter_id is None:
        return None
    return {
        "source": member.binding_source,
        "bound_at": member.bound_at,
        "protected_until": member.protected_until,
        "expires_at": member.binding_expires_at,
    }


def new_member(loaded: dict[str, Any]) -> NewMember:
    """A checked body as the service takes it."""
    inviter = next((inviter_name(name, loaded[name]) for name in INVITER_FIELDS if loaded[name] is not None), None)
    kept = {name: loaded[name] for name in NewMember._fields if name in loaded}
    identities = dict.fromkeys(Identity(**identity) for identity in loaded["identities"])
    return NewMember(**kept | {"inviter": inviter, "identities": tuple(identities)})


def inviter_name(field: str, text: str) -> InviterName:
    """What a text in one of INVITER_FIELDS names."""
    if field == "inviter_id":
        return InviterName(field, parse_public_id("mem", text))
    return InviterName(field, normalised_invite_code(text) if field == "invite_code" else text)
