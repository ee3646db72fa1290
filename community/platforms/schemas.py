"""JSON shapes of platforms."""

from marshmallow import Schema, fields


class LimitsSchema(Schema):
    per_minute = fields.Integer()
    per_second = fields.Integer(allow_none=True, metadata={"description": "Of one target."})
    shared_per_second = fields.Integer(allow_none=True, metadata={"description": "Of all targets of the same bot."})


class PlatformSchema(Schema):
    platform = fields.String()
    name = fields.String()
    markdown = fields.Boolean()
    image = fields.Boolean()
    tells_joins = fields.Boolean(metadata={"description": "It calls back when somebody joins or leaves."})
    asks_questions = fields.Boolean(metadata={"description": "It calls back with what people write to the robot."})
    answers_privately = fields.Boolean()
    recognises_repeats = fields.Boolean(metadata={"description": "The receiver can tell that a message came again."})
    limits = fields.Nested(LimitsSchema)
    longest_text = fields.Integer()
    longest_unit = fields.String(metadata={"enum": ["bytes", "characters"], "example": "bytes"})
    target = fields.List(fields.String(), metadata={"description": "Fields that a group's target must have."})
    target_options = fields.List(fields.String(), metadata={"description": "Fields that it may have."})
    notes = fields.String()


class PlatformsSchema(Schema):
    data = fields.List(fields.Nested(PlatformSchema))
