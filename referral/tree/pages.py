"""Pages of a downline: the position is a level and an id, so that a page goes on where the last one ended."""

from typing import Any
from uuid import UUID

from core.errors import Invalid
from core.http.paging import decode_cursor, page
from referral.tree import service
from referral.tree.queries import Placed


def downline_page(program_id: UUID, member_id: UUID, query: dict[str, Any]) -> dict[str, Any]:
    """A page whose `data` are `Placed`. `query` holds level (None: all), limit and cursor.

    Raises:
        Invalid: the cursor is not one of this list.
    """
    after = _position(query["cursor"])
    rows = service.downline_of(program_id, member_id, query["level"], after, query["limit"] + 1)
    return page(rows, query["limit"], lambda one: one, lambda one: [one.level, str(one.id)])


def _position(cursor: str | None) -> Placed | None:
    position = decode_cursor(cursor, 2)
    if position is None:
        return None
    level, text = position
    try:
        member_id = UUID(str(text))
    except ValueError as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error
    if not isinstance(level, int) or not 1 <= level <= service.DEEPEST:
        raise Invalid.at("/cursor", "Not a cursor of this list.")
    return Placed(level, member_id)
