"""What activities, their participations and their budgets can be refused for."""

from core.errors import Conflict, NotFound, SamePerson, WrongState


class ActivityNotFound(NotFound):
    title = "There is no such activity"


class ParticipationNotFound(NotFound):
    title = "There is no such participation in this activity"


class TeamNotFound(NotFound):
    title = "There is no such team in this activity"


class ActivityInOtherState(WrongState):
    title = "The activity is in another state"


class ActivityNotRunning(Conflict):
    code = "activity_not_running"
    title = "The activity does not run at this moment"


class MemberNotEligible(Conflict):
    code = "member_not_eligible"
    title = "The member may not take part"


class ParticipationLimit(Conflict):
    code = "limit_reached"
    title = "The member, or the activity, has as many participations as are allowed"


class AlreadyTookPart(Conflict):
    code = "already_took_part"
    title = "The same occasion is there with other content"


class TeamFull(Conflict):
    code = "team_full"
    title = "All seats of the team are taken"


class TeamEnded(Conflict):
    code = "team_ended"
    title = "The team is complete or has been released"


class OrderDoesNotFit(Conflict):
    code = "order_does_not_fit"
    title = "The order is not the member's, lacks the product, was not paid in time, or counts already"


class NothingToDecide(WrongState):
    code = "nothing_to_decide"
    title = "The participation does not wait for a decision"


class NoBudget(Conflict):
    code = "no_budget"
    title = "The activity has no approved budget in this currency"


class BudgetExhausted(Conflict):
    code = "budget_exhausted"
    title = "The activity's budget has less left"


class BudgetKeyReused(Conflict):
    code = "budget_key_reused"
    title = "The key stands for another movement of the budget"


class BudgetBySamePerson(SamePerson):
    title = "A budget is approved by another person than its maker"
