"""JSON shapes of templates and subscribe messages."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from community.notices.mini_program import MiniProgramNotice
from community.notices.push_fields import FIELD, MOST_FIELDS
from community.notices.rendering import LONGEST_TEMPLATE
from community.notices.templates import Text, Version
from community.notices.topics import LANGUAGES, TOPICS, Kind, Variable, variables_of
from core.http.fields import Flag, Note
from core.http.fields import Text as Line
from core.http.schemas import Body
from core.ids import public_id_or_none

_EXAMPLE = "{{ member }} earned {{ amount|money }}"
_TEMPLATE = {"example": _EXAMPLE}


def topic_field(**options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(list(TOPICS)), **options)


def language_field(**options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(LANGUAGES), **options)


class TemplateBody(Body):
    text = Note(LONGEST_TEMPLATE, required=True, metadata=_TEMPLATE)
    markdown = Note(
        LONGEST_TEMPLATE, load_default=None, allow_none=True,
        metadata={"example": None, "description": "the same for platforms that show markdown; null: they get the text"},
    )  # fmt: skip


class PreviewBody(Body):
    topic = topic_field(required=True)
    language = language_field(required=True)
    text = Note(LONGEST_TEMPLATE, required=True, metadata={"example": "{{ member }}: {{ amount|money }}"})
    markdown = Flag(load_default=False, metadata={"example": False, "description": "escape for markdown"})
    show_amounts = Flag(load_default=True)


class FieldShape(Schema):
    name = fields.String(metadata={"example": "rank"})
    kind = fields.String(validate=validate.OneOf([kind.value for kind in Kind]))


class VariableShape(FieldShape):
    words = fields.List(fields.String(), metadata={"description": "all that it may be, of kind word"})
    row = fields.List(
        fields.Nested(FieldShape), data_key="fields", metadata={"description": "of each row, of kind list"}
    )


class PreviewShape(Schema):
    text = fields.String()
    variables = fields.List(fields.Nested(VariableShape))


class VersionShape(Schema):
    topic = topic_field()
    language = language_field()
    version = fields.Integer(allow_none=True, metadata={"description": "null: nobody has written one yet"})
    text = fields.String(allow_none=True, metadata=_TEMPLATE)
    markdown = fields.String(allow_none=True, metadata={"example": None})
    created_by = fields.String(allow_none=True, metadata={"example": None, "description": "the person of the staff"})
    created_at = fields.DateTime(allow_none=True)


class TemplateShape(VersionShape):
    text = fields.String(metadata=_TEMPLATE)
    is_default = fields.Boolean()
    variables = fields.List(fields.Nested(VariableShape))


def _refuse_unknown_fields(given: dict[str, str]) -> None:
    if not 1 <= len(given) <= MOST_FIELDS:
        raise ValidationError(f"1 to {MOST_FIELDS} fields.")
    wrong = [name for name in given if not FIELD.fullmatch(name)]
    if wrong:
        raise ValidationError({name: ["Not a keyword of WeChat's such as thing1."] for name in wrong})


_FIELDS = {
    "example": {"thing1": "{{ member }}", "amount2": "{{ amount|money }}"},
    "description": "WeChat's keywords and our templates of what stands there; values are made to fit WeChat's limits",
}


class MessageBody(Body):
    template_id = Line(100, required=True, metadata={"description": "WeChat's", "example": "nzJAE2ZsaFs_AR2w"})
    page = Line(
        200, load_default=None, allow_none=True, metadata={"example": "pages/earnings", "description": "without slash"}
    )
    keywords = fields.Dict(
        keys=fields.String(), values=Note(LONGEST_TEMPLATE), required=True, data_key="fields", metadata=_FIELDS,
        validate=_refuse_unknown_fields,
    )  # fmt: skip


class MessageShape(Schema):
    topic = topic_field()
    template_id = fields.String(metadata={"example": "nzJAE2ZsaFs_AR2w"})
    page = fields.String(allow_none=True, metadata={"example": "pages/earnings"})
    keywords = fields.Dict(keys=fields.String(), values=fields.String(), data_key="fields", metadata=_FIELDS)
    updated_by = fields.String(allow_none=True, metadata={"example": None, "description": "the person of the staff"})
    updated_at = fields.DateTime()


def template_shape(text: Text) -> dict[str, Any]:
    return version_shape(text) | {
        "is_default": text.is_default,
        "variables": variable_shapes(text.topic),
    }


def version_shape(version: Text | Version) -> dict[str, Any]:
    return {
        "topic": version.topic,
        "language": version.language,
        "version": version.version,
        "text": version.text,
        "markdown": version.markdown,
        "created_by": public_id_or_none("stf", version.created_by),
        "created_at": version.created_at,
    }


def variable_shapes(topic: str) -> list[dict[str, Any]]:
    return [_variable_shape(one) for one in variables_of(topic)]


def _variable_shape(variable: Variable) -> dict[str, Any]:
    rows = [{"name": field.name, "kind": field.kind.value} for field in variable.fields]
    return {"name": variable.name, "kind": variable.kind.value, "words": list(variable.words), "fields": rows}


def message_shape(message: MiniProgramNotice) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "template_id": message.template_id,
        "page": message.page,
        "fields": message.fields,
        "updated_by": public_id_or_none("stf", message.updated_by),
        "updated_at": message.updated_at,
    }
