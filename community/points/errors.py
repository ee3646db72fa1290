"""What points and rewards can be refused for."""

from core.errors import Conflict, NotFound, WrongState


class RewardNotFound(NotFound):
    title = "There is no such reward"


class RedemptionNotFound(NotFound):
    title = "There is no such redemption"


class NotEnoughPoints(Conflict):
    code = "not_enough_points"
    title = "The member has fewer points than the reward costs"


class RewardSoldOut(Conflict):
    code = "sold_out"
    title = "None is left of the reward"


class RewardLimitReached(Conflict):
    code = "limit_reached"
    title = "The member has the reward as often as one may"


class RewardNotYetValid(Conflict):
    code = "not_yet_valid"
    title = "The reward cannot be had yet"


class RewardEnded(Conflict):
    code = "ended"
    title = "The reward cannot be had any more"


class MemberSuspended(Conflict):
    code = "member_suspended"
    title = "A suspended member takes no rewards"


class RedemptionInOtherState(WrongState):
    title = "The redemption is in another state"
