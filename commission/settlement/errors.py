"""What settlement runs refuse."""

from core.errors import Conflict, NotFound


class SettlementNotFound(NotFound):
    title = "There is no such settlement run"


class DigestMismatch(Conflict):
    code = "digest_mismatch"
    title = "The run is not the one that was looked at"
