"""What members can be refused for."""

from uuid import UUID

from core.errors import AlreadyExists, Conflict


class MemberExists(AlreadyExists):
    """The external id is taken by a member with other content; batches show which."""

    def __init__(self, member_id: UUID) -> None:
        super().__init__()
        self.member_id = member_id


class IdentityTaken(Conflict):
    code = "identity_taken"
    title = "The identity belongs to another member"


class MemberErased(Conflict):
    code = "member_erased"
    title = "The member was erased"


class MoneyOpen(Conflict):
    code = "money_open"
    title = "The member has money open"
