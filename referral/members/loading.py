"""Reads the body of a registration. In a batch every item stands for itself: a bad one never harms the others."""

from typing import Any

from marshmallow import Schema, ValidationError

from core.errors import Invalid
from core.http.json import parsed
from core.http.problem import invalid_from
from referral.members.new_member import NewMember, Unreadable
from referral.members.schemas import MAX_BATCH, MemberBatchBody, NewMemberBody, new_member

_shape = NewMemberBody()


class MemberLoader:
    """Body of `POST /v1/members`."""

    schema: type[Schema] = NewMemberBody

    def load(self, body: bytes) -> NewMember:
        return _load(parsed(body))


class MemberBatchLoader:
    """Body of `POST /v1/members/batch`. Pointers of faults are relative to their item."""

    schema: type[Schema] = MemberBatchBody

    def load(self, body: bytes) -> list[NewMember | Unreadable]:
        items = _items(parsed(body))
        if not 1 <= len(items) <= MAX_BATCH:
            raise Invalid.at("/members", f"Between 1 and {MAX_BATCH} members.")
        return [_load_item(item) for item in items]


def _items(document: Any) -> list[Any]:
    items = document.get("members") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(items, list):
        raise Invalid.at("/members", "The body must be an object with a list of members and nothing else.")
    return items


def _load_item(item: Any) -> NewMember | Unreadable:
    try:
        return _load(item)
    except Invalid as error:
        given = item.get("external_id") if isinstance(item, dict) else None
        return Unreadable(given if isinstance(given, str) else None, error)


def _load(document: Any) -> NewMember:
    try:
        return new_member(_shape.load(document))
    except ValidationError as error:
        raise invalid_from(error) from error
