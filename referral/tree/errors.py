"""What a binding can be refused for."""

from core.errors import Conflict, Fault, Invalid


class ReferralCycle(Conflict):
    code = "referral_cycle"
    title = "The member would stand above himself"


class AlreadyBound(Conflict):
    code = "already_bound"
    title = "The member is bound to another inviter"


class InviterNotFound(Invalid):
    code = "inviter_not_found"
    title = "There is no such inviter"

    @classmethod
    def named_by(cls, field: str) -> "InviterNotFound":
        return cls(faults=[Fault(f"/{field}", cls.title + ".")])
