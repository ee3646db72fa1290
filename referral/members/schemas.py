"""JSON shapes of members."""

from typing import Any

from marshmallow import Schema, fields

from core.ids import public_id
from referral.members.queries import MemberCard


class MemberCardShape(Schema):
    """A member inside another resource."""

    id = fields.String()
    external_id = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    grade = fields.String()
    status = fields.String()


def member_card(card: MemberCard) -> dict[str, Any]:
    return card._asdict() | {"id": public_id("mem", card.id)}
