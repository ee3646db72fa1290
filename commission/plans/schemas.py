"""JSON shapes of plans."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from commission.plans.queries import PlanVersion
from commission.plans.terms import MAX_LEVELS
from core.http.fields import Amount, Flag, Instant, Rate, Text
from core.http.schemas import Body
from core.ids import public_id

MAX_RULES = 5000
MAX_VALUES = 1000


class OneOrMany(fields.Field[Any]):
    """A value or a list of values."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = Text(200)
        if isinstance(value, list):
            if not 1 <= len(value) <= MAX_VALUES:
                raise ValidationError(f"Between 1 and {MAX_VALUES} values.")
            return [text.deserialize(one) for one in value]
        return text.deserialize(value)


class LevelTerm(Body):
    """What a level earns: `rate_bps` of the base or `amount` a unit."""

    rate_bps = Rate()
    amount = Amount()

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give either rate_bps or amount.")


class PlanLevel(Body):
    rate_bps = Rate(required=True)


class RuleMatch(Body):
    sku = OneOrMany()
    category = OneOrMany()
    channel = OneOrMany()
    grade = OneOrMany()

    @validates_schema
    def something(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("A rule must ask for something.")


class PlanRule(Body):
    match = fields.Nested(RuleMatch, required=True)
    levels = fields.List(fields.Nested(LevelTerm), validate=validate.Length(min=1, max=MAX_LEVELS))
    excluded = Flag()

    @validates_schema
    def levels_or_excluded(self, data: dict[str, Any], **_: Any) -> None:
        if ("levels" in data) == bool(data.get("excluded")):
            raise ValidationError("Give either levels or excluded: true.")


class PlanTermsBody(Body):
    """The terms of a plan without name and date, as a quote or simulation may bring them."""

    levels = fields.List(fields.Nested(PlanLevel), required=True, validate=validate.Length(max=MAX_LEVELS))
    cap_bps = Rate(load_default=None, allow_none=True)
    rules = fields.List(fields.Nested(PlanRule), load_default=list, validate=validate.Length(max=MAX_RULES))


class NewPlan(PlanTermsBody):
    name = Text(200, required=True)
    effective_from = Instant(required=True)


class PlanShape(Schema):
    id = fields.String()
    name = fields.String()
    effective_from = fields.DateTime()
    levels = fields.List(fields.Nested(PlanLevel))
    cap_bps = fields.Integer(allow_none=True)
    rules = fields.List(fields.Nested(PlanRule))
    warnings = fields.List(fields.Dict(), metadata={"description": "combinations of terms that could exceed the caps"})
    created_at = fields.DateTime()
    retired_at = fields.DateTime(allow_none=True)


def plan_shape(plan: PlanVersion) -> dict[str, Any]:
    terms = plan.terms
    return {
        "id": public_id("pln", plan.id),
        "name": plan.name,
        "effective_from": plan.effective_from,
        "levels": [{"rate_bps": level.get("rate_bps", 0)} for level in terms["levels"]],
        "cap_bps": terms.get("cap_bps"),
        "rules": [_rule_shape(rule) for rule in terms.get("rules", [])],
        "warnings": plan.warnings,
        "created_at": plan.created_at,
        "retired_at": plan.retired_at,
    }


def _rule_shape(rule: dict[str, Any]) -> dict[str, Any]:
    """As it was given: defaults are left out of what is stored, and a term of nothing is a rate of 0."""
    return rule | ({"levels": [level or {"rate_bps": 0} for level in rule["levels"]]} if "levels" in rule else {})
