"""What messages can be refused for."""

from core.errors import NotFound, WrongState


class MessageNotFound(NotFound):
    title = "There is no such message"


class MessageInOtherState(WrongState):
    title = "Only a message that was refused, is unknown or has expired can be sent again, while its text is kept"
