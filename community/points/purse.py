"""One member's points, in memory and under his lock: what every movement does to his balance and his lots. Pure.

What is always so: the lots have left max(0, available). Who is below zero has nothing left, and what he earns settles
that first. Lots are used by their end, the earliest first, those without end last, then by their id.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Lot:
    """What one award gave and what became of it; the columns of `point_lots` that move, and what they depend on."""

    id: UUID
    member_id: UUID
    source_key: str
    earned: int
    left: int
    taken_back: int = 0
    expired: int = 0
    forgiven: int = 0
    expires_at: datetime | None = None
    kind: str = ""
    order_id: UUID | None = None
    rules_version: int | None = None
    before: int = field(init=False)  # what was left when it was read

    def __post_init__(self) -> None:
        self.before = self.left

    @property
    def place(self) -> tuple[datetime, UUID]:
        return self.expires_at or _NEVER, self.id

    @property
    def revocable(self) -> int:
        return self.earned - self.taken_back


@dataclass(frozen=True, slots=True)
class Draw:
    """So many points of a lot."""

    lot: Lot
    amount: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking an award back took: from the member, and of what had expired, which he does not owe."""

    from_member: int
    forgiven: int


class Purse:
    """A member's balance and those of his lots that matter."""

    def __init__(self, available: int, lots: Iterable[Lot] = ()) -> None:
        self.available = available
        self.lots = sorted(lots, key=_place)

    def earn(self, lot: Lot) -> None:
        """A new lot: what the member owes is settled first, the rest is left in it."""
        amount = lot.revocable
        lot.left = amount - min(amount, max(0, -self.available))
        self.available += amount
        self.lots = sorted([*self.lots, lot], key=_place)

    def expire(self, at: datetime) -> list[Draw]:
        """End every lot whose time has come; what each still had."""
        draws = [
            Draw(lot, lot.left) for lot in self.lots if lot.left and lot.expires_at is not None and lot.expires_at <= at
        ]
        for draw in draws:
            draw.lot.left = 0
            draw.lot.expired += draw.amount
            self.available -= draw.amount
        return draws

    def spend(self, amount: int) -> list[Draw]:
        """Take from the lots in their order; what they lack becomes debt, so who may not owe asks `available` first."""
        draws = self._draw(amount)
        self.available -= amount
        return draws

    def give_back(self, draws: Sequence[Draw]) -> None:
        """Undo a spending: a debt is settled first, at the cost of those that end first; the rest is left as it was."""
        owed = max(0, -self.available)
        for draw in sorted(draws, key=lambda one: one.lot.place):
            settled = min(owed, draw.amount)
            owed -= settled
            draw.lot.left += draw.amount - settled
            self.available += draw.amount

    def take_back(self, lot: Lot, amount: int) -> Taken:
        """Undo up to `amount` of an award, never more than is left to undo.

        Points come from the lot itself; then what of it has expired counts, which nobody has any more; then from the
        other lots in their order; and what is lacking then is debt.
        """
        amount = max(0, min(amount, lot.revocable))
        own = min(amount, lot.left)
        lot.left -= own
        forgiven = min(amount - own, lot.expired - lot.forgiven)
        lot.forgiven += forgiven
        lot.taken_back += amount
        self._draw(amount - own - forgiven)
        self.available -= amount - forgiven
        return Taken(amount - forgiven, forgiven)

    def _draw(self, amount: int) -> list[Draw]:
        draws = []
        for lot in self.lots:
            part = min(amount, lot.left)
            if part:
                lot.left -= part
                amount -= part
                draws.append(Draw(lot, part))
        return draws


def _place(lot: Lot) -> tuple[datetime, UUID]:
    return lot.place
