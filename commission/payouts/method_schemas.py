"""JSON shapes of payout methods. An account leaves the database masked only."""

from typing import Any

from marshmallow import Schema, fields, validate

from commission.payouts.methods import Method
from commission.payouts.rules import KINDS
from core.clock import now
from core.encryption import masked
from core.http.fields import Flag, Text
from core.http.schemas import Body
from core.ids import public_id


class NewPayoutMethod(Body):
    kind = fields.String(
        required=True, validate=validate.OneOf(KINDS, error="Not built yet. There are: {choices}."),
        metadata={"description": "the rail that pays it"},
    )  # fmt: skip
    account = Text(200, required=True, metadata={"description": "stored encrypted, shown masked"})
    account_name = Text(200, required=True)
    default = Flag(load_default=False, metadata={"description": "settlements pay to the default"})


class PayoutMethodShape(Schema):
    id = fields.String()
    member_id = fields.String()
    kind = fields.String()
    account = fields.String(allow_none=True, metadata={"description": "the last four characters"})
    account_name = fields.String(allow_none=True, metadata={"description": "the first character"})
    default = fields.Boolean()
    frozen = fields.Boolean(metadata={"description": "added lately: paid to from usable_from on"})
    usable_from = fields.DateTime()
    created_at = fields.DateTime()


def method_shape(method: Method) -> dict[str, Any]:
    return {
        "id": public_id("pm", method.id),
        "member_id": public_id("mem", method.member_id),
        "kind": method.kind,
        "account": masked_account(method.account),
        "account_name": masked_holder(method.account_name),
        "default": method.is_default,
        "frozen": method.usable_from > now(),
        "usable_from": method.usable_from,
        "created_at": method.created_at,
    }


def masked_account(account: str | None) -> str | None:
    return None if account is None else masked(account)


def masked_holder(name: str | None) -> str | None:
    """The first character tells people apart without telling who they are."""
    return None if name is None else name[:1] + "*" * min(7, max(1, len(name) - 1))
