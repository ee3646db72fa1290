"""What decisions on signals can be refused for."""

from core.errors import NotFound, WrongState


class SignalNotFound(NotFound):
    title = "There is no such signal"


class NothingToDecide(WrongState):
    code = "nothing_to_decide"
    title = "Nothing waits for a decision here"
