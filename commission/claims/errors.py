"""What attribution claims can be refused for."""

from core.errors import Conflict, NotFound, WrongState


class ClaimNotFound(NotFound):
    title = "There is no such claim"


class ClaimDecided(WrongState):
    code = "claim_decided"
    title = "The claim is not open"


class TooManyClaims(Conflict):
    code = "too_many_claims"
    title = "Too many claims are open or were made today; wait for their answers"
