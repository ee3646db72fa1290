"""Decisions about one member's data and state. Pure."""

import re
import unicodedata
from typing import Literal

EnrolmentMode = Literal["open", "application", "invited"]

_SEPARATORS = re.compile(r"[\s().\-/\u2010-\u2015]+")
_PHONE = re.compile(r"\+?\d{5,20}")


def normalised_phone(text: str) -> str | None:
    """A phone number without its typography: full-width digits, spaces, brackets and dashes; 00 in front becomes +.

    A number without country stays as it is: guessing one could make two people the same. None: not a phone number.
    """
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    return plain if _PHONE.fullmatch(plain) and plain.isascii() else None


def masked_name(name: str | None) -> str | None:
    """What other members see of a name: its first character."""
    return name and name[:1] + "**"


_NEXT: dict[EnrolmentMode, dict[tuple[str, str], str]] = {
    "open": {
        ("none", "apply"): "enrolled", ("rejected", "apply"): "enrolled", ("exited", "apply"): "enrolled",
    },
    "application": {
        ("none", "apply"): "applied", ("rejected", "apply"): "applied", ("exited", "apply"): "applied",
    },
    "invited": {
        ("none", "approve"): "enrolled", ("rejected", "approve"): "enrolled", ("exited", "approve"): "enrolled",
    },
}  # fmt: skip
_ALWAYS = {
    ("applied", "approve"): "enrolled", ("applied", "reject"): "rejected", ("applied", "exit"): "exited",
    ("enrolled", "exit"): "exited", ("none", "exit"): "exited",
}  # fmt: skip


def next_enrolment(status: str, action: str, mode: EnrolmentMode) -> str | None:
    """Where an action leads; None: not from here.

    open: whoever applies is enrolled. application: somebody approves or rejects. invited: nobody applies; an operator
    enrols by approving. What was applied for before the mode changed is still decided, and everybody may leave.
    """
    return _ALWAYS.get((status, action)) or _NEXT[mode].get((status, action))
