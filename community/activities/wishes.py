"""What somebody who takes part says."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Wish(NamedTuple):
    """One participation as it is asked for. `paid`: the shop says that the seat is paid."""

    member_id: UUID
    at: datetime
    content_id: str | None = None
    text: str | None = None
    option: str | None = None
    team_id: UUID | None = None
    if_full: str = "refuse"  # | open
    order_external_id: str | None = None
    paid: bool = False

    @property
    def named(self) -> set[str]:
        """Fields that were given."""
        fields = ("content_id", "text", "option", "team_id", "order_external_id")
        given = {name for name in fields if getattr(self, name) is not None}
        return given | ({"paid"} if self.paid else set()) | ({"if_full"} if self.if_full != "refuse" else set())
