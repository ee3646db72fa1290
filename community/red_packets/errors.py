"""What red packets can be refused for."""

from community.red_packets.rules import Closed
from core.errors import AlreadyExists, Conflict, Invalid, NotFound, WrongState


class RedPacketNotFound(NotFound):
    title = "There is no such red packet"


class RedPacketExists(AlreadyExists):
    title = "The same external_id exists with other content"


class NotADraft(WrongState):
    title = "The red packet does not wait for an approval"


class NotOpen(Conflict):
    code = Closed.NOT_OPEN.value
    title = "The red packet is not open yet"


class Expired(Conflict):
    code = Closed.EXPIRED.value
    title = "The time to claim is over"


class Finished(Conflict):
    code = Closed.FINISHED.value
    title = "Every share of the red packet is taken"


class NotInGroup(Conflict):
    code = "not_in_group"
    title = "The member is not in the group of the red packet"


class Suspended(Conflict):
    code = "suspended"
    title = "The member is suspended"


class NoSuchMember(Invalid):
    code = "member_not_found"
    title = "There is no such member"
