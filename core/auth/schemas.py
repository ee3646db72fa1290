"""JSON shapes of credentials."""

from marshmallow import Schema, fields, validate

from core.auth.access import KEY_SCOPES, Role
from core.auth.keys import PREFIXES, ApiKey
from core.auth.staff import StaffMember
from core.http.fields import EmailAddress, Flag, Text
from core.http.schemas import Body
from core.ids import public_id

ROLES = [role.value for role in Role]


class SignInBody(Body):
    email = EmailAddress(required=True)
    password = Text(200, required=True)


class RefreshBody(Body):
    refresh_token = Text(200, required=True)


class TokenShape(Schema):
    access_token = fields.String()
    expires_in = fields.Integer(metadata={"description": "seconds"})
    refresh_token = fields.String(metadata={"description": "member tokens only; usable once"})


class NewStaff(Body):
    email = EmailAddress(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    name = Text(100, load_default=None, allow_none=True)


class StaffChange(Body):
    name = Text(100, allow_none=True)
    role = fields.String(validate=validate.OneOf(ROLES))
    disabled = Flag()
    password = Text(200, minimum=12)


class StaffShape(Schema):
    id = fields.String()
    email = fields.String()
    name = fields.String(allow_none=True)
    role = fields.String()
    disabled_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()
    password = fields.String(metadata={"description": "only when made: shown once"})


class NewKey(Body):
    name = Text(100, required=True)
    kind = fields.String(load_default="secret", validate=validate.OneOf(list(PREFIXES)))
    scopes = fields.List(fields.String(validate=validate.OneOf(KEY_SCOPES)), load_default=None, allow_none=True)


class KeyShape(Schema):
    id = fields.String()
    kind = fields.String()
    name = fields.String()
    hint = fields.String(metadata={"description": "last four characters"})
    scopes = fields.List(fields.String())
    created_at = fields.DateTime()
    revoked_at = fields.DateTime(allow_none=True)
    key = fields.String(metadata={"description": "only when made: shown once"})


def staff_shape(person: StaffMember) -> dict[str, object]:
    return person._asdict() | {"id": public_id("stf", person.id)}


def key_shape(key: ApiKey) -> dict[str, object]:
    return key._asdict() | {"id": public_id("key", key.id)}
