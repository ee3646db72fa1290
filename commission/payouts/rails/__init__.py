"""The rails this process can pay through. Wiring registers them once at start; everybody else asks `rail_for`."""

from commission.payouts.rails.protocol import Rail
from core.errors import Conflict

_rails: dict[str, Rail] = {}


class NoSuchRail(Conflict):
    code = "no_such_rail"
    title = "Nothing is set up to pay methods of this kind"


def register(rail: Rail) -> None:
    """Make a rail known under its kind; a later one of the same kind takes its place."""
    _rails[rail.kind] = rail


def rail_for(kind: str) -> Rail:
    """The rail that pays methods of this kind.

    Raises:
        NoSuchRail: none is registered.
    """
    try:
        return _rails[kind]
    except KeyError:
        raise NoSuchRail(kind=kind) from None


def registered_kinds() -> frozenset[str]:
    """The kinds that `rail_for` knows."""
    return frozenset(_rails)
