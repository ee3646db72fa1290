"""JSON shapes of the tree."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from core.http.fields import ExternalId, Note, Text
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none
from referral.members.schemas import MemberShape
from referral.members.service import INVITER_FIELDS, Member, masked_name
from referral.tree.queries import HistoryRow
from referral.tree.service import DEEPEST, Team
from referral.tree.teams import Customer

MAX_UPLINE = 1000
_ACTORS = {"staff": "stf", "key": "key", "member": "mem", "system": "sys"}


class InviterBody(Body):
    inviter_id = Text(60, allow_none=True)
    inviter_external_id = ExternalId(allow_none=True)
    invite_code = Text(40, metadata={"description": "of the inviter"})
    link_code = Text(40, metadata={"description": "of a link of the inviter"})
    click_id = Text(100, metadata={"description": "a click on the inviter's link"})
    reason = Note(
        500, load_default=None, allow_none=True, metadata={"description": "staff need one to change an inviter"}
    )

    @validates_schema
    def one_inviter(self, data: dict[str, Any], **_: Any) -> None:
        if sum(name in data for name in INVITER_FIELDS) != 1:
            raise ValidationError(f"Give one of {', '.join(INVITER_FIELDS)}; a null id unbinds.")


class UplineQuery(Body):
    levels = fields.Integer(load_default=MAX_UPLINE, validate=validate.Range(1, MAX_UPLINE))


class DownlineQuery(Page):
    level = fields.Integer(load_default=None, validate=validate.Range(1, DEEPEST))


class PlacedShape(Schema):
    level = fields.Integer(metadata={"description": "1 is the nearest"})
    member = fields.Nested(MemberShape)


class UplineShape(Schema):
    data = fields.List(fields.Nested(PlacedShape))


class LevelShape(Schema):
    level = fields.Integer()
    count = fields.Integer()


class TeamShape(Schema):
    direct_count = fields.Integer()
    total_count = fields.Integer()
    max_depth = fields.Integer(metadata={"description": "levels below the member"})
    by_level = fields.List(fields.Nested(LevelShape))
    order_count = fields.Integer()
    sales = fields.Integer(metadata={"description": "minor units, less refunds"})
    active_30d = fields.Integer(metadata={"description": "members with a paid order in the last 30 days"})


class BindingChangeShape(Schema):
    id = fields.String()
    inviter_id = fields.String(allow_none=True)
    previous_inviter_id = fields.String(allow_none=True)
    source = fields.String()
    reason = fields.String(allow_none=True)
    actor = fields.Dict(metadata={"description": "kind and id of who bound"})
    bound_at = fields.DateTime()
    protected_until = fields.DateTime(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)


class MaskedMemberShape(Schema):
    id = fields.String()
    name = fields.String(allow_none=True, metadata={"description": "masked"})
    grade = fields.String()
    joined_at = fields.DateTime()


class MaskedPlacedShape(Schema):
    level = fields.Integer()
    member = fields.Nested(MaskedMemberShape)


class CustomerShape(Schema):
    member = fields.Nested(MaskedMemberShape)
    order_count = fields.Integer()
    last_order_at = fields.DateTime()


def team_shape(team: Team) -> dict[str, Any]:
    return {
        "direct_count": team.direct_count,
        "total_count": team.total_count,
        "max_depth": team.levels[-1].level if team.levels else 0,
        "by_level": [{"level": one.level, "count": one.members} for one in team.levels],
        "order_count": team.order_count,
        "sales": team.sales,
        "active_30d": sum(one.active for one in team.levels),
    }


def binding_change_shape(change: HistoryRow) -> dict[str, Any]:
    return {
        "id": public_id("bnd", change.id),
        "inviter_id": public_id_or_none("mem", change.inviter_id),
        "previous_inviter_id": public_id_or_none("mem", change.previous_inviter_id),
        "source": change.source,
        "reason": change.reason,
        "actor": {"kind": change.actor_kind, "id": public_id_or_none(_ACTORS[change.actor_kind], change.actor_id)},
        "bound_at": change.bound_at,
        "protected_until": change.protected_until,
        "expires_at": change.expires_at,
    }


def masked_member(member: Member) -> dict[str, Any]:
    """What other members see of one."""
    return {
        "id": public_id("mem", member.id),
        "name": masked_name(member.name),
        "grade": member.grade,
        "joined_at": member.joined_at,
    }


def customer_shape(customer: Customer, member: Member) -> dict[str, Any]:
    return {
        "member": masked_member(member),
        "order_count": customer.orders,
        "last_order_at": customer.last_order_at,
    }
