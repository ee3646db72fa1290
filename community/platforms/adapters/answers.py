"""What answers of all platforms have in common. Pure."""

import re
from typing import Any

import orjson

from community.platforms.adapters.protocol import Answer
from community.platforms.protocol import Outcome, Refused, Throttled, Unknown

UNREADABLE = Unknown("unreadable_answer")
_BY_STATUS = {401: "not_allowed", 403: "not_allowed", 404: "wrong_target", 410: "wrong_target", 413: "too_long"}
MOST_SECONDS = 24 * 3600


def document(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of an answer; None when it is none."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None


def seconds_of(value: Any) -> int | None:
    """Seconds to wait, rounded up, as a header or a JSON number says them; at least 1; None when it says none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_SECONDS:
        return None
    return max(1, int(-(-value // 1)))


def by_status(answer: Answer) -> Outcome:
    """What the status alone says, where the platform did not say more."""
    status = answer.status
    if status < 300:
        return UNREADABLE
    if status == 429:
        return waiting(seconds_of(answer.headers.get("retry-after")))
    if status >= 500 or status == 408:
        return Unknown(f"http_{status}")
    return Refused(_BY_STATUS.get(status, "wrong_content" if status >= 400 else "other"), f"http_{status}")


def waiting(seconds: int | None) -> Throttled:
    """Throttled for the time that was told, else for a minute."""
    return Throttled(60) if seconds is None else Throttled(seconds, is_told=True)
