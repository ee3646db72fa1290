"""What the ledger refuses. The first two are mistakes of the calling code, never a client's."""

from core.errors import Conflict, Invalid, NotFound, WrongState


class UnbalancedEntry(ValueError):
    """An entry that cannot be posted: it does not sum to zero, or names an account or a member wrongly."""


class DuplicateEntry(RuntimeError):
    """A source key that was posted before: the caller has lost its own guard against doing things twice."""


class AuditNotFound(NotFound):
    title = "There is no such audit"


class AdjustmentNotFound(NotFound):
    title = "There is no such adjustment"


class UnknownMember(Invalid):
    code = "member_not_found"
    title = "There is no such member"


class AlreadyDecided(WrongState):
    title = "The adjustment was decided before"


class PeriodNotFound(NotFound):
    title = "A period is a month such as 2026-01"


class PeriodNotOver(Conflict):
    code = "period_not_over"
    title = "A month can be closed once it has ended"


class PeriodClosed(Conflict):
    code = "period_closed"
    title = "The month is closed already"


class PeriodOutOfOrder(Conflict):
    code = "period_out_of_order"
    title = "Months are closed one after the other"
