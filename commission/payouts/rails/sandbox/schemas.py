"""JSON shapes of the sandbox server. Unknown fields are refused."""

from collections.abc import Mapping
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, validate

from commission.payouts.rails.sandbox.faults import NAMES
from core.http.fields import Amount, Text, Whole
from core.http.problem import invalid_from

_MAX_SEED = 2**63 - 1


class Probability(fields.Field[float]):
    """A number from 0 to 1."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValidationError("Not a number from 0 to 1.")
        return float(value)


class TransferBody(Schema):
    key = fields.String(
        required=True, validate=validate.Regexp(r"[A-Za-z0-9]{1,32}\Z", error="Not 1 to 32 letters and digits.")
    )
    account = Text(required=True)
    account_name = Text(required=True)
    amount = Amount(minimum=1, required=True)
    currency = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z]{3}\Z", error="Not 3 letters."))


FaultsBody = Schema.from_dict(
    {name: Probability() for name in NAMES} | {"seed": Whole(maximum=_MAX_SEED)}, name="FaultsBody"
)


def loaded(schema: Schema, body: Any) -> dict[str, Any]:
    """The checked content of a body.

    Raises:
        Invalid: with a pointer to each fault.
    """
    try:
        return cast(dict[str, Any], schema.load(body))
    except ValidationError as error:
        raise invalid_from(error) from error
