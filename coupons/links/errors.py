"""What links can be refused for."""

from core.errors import AlreadyExists, Gone, NotFound, WrongState


class NoSuchLink(NotFound):
    """Not there, of another program, or of another member where only the own ones are meant."""

    def __init__(self) -> None:
        super().__init__("There is no such link.")


class LinkCodeTaken(AlreadyExists):
    """The chosen code leads somewhere else already. It does not say whose it is."""

    def __init__(self) -> None:
        super().__init__("The code is taken by another link; a code is never given twice.")


class LinkDeleted(WrongState):
    code = "link_deleted"
    title = "The link was deleted"


class LinkEnded(Gone):
    code = "link_ended"
    title = "The link has expired or was deleted"
