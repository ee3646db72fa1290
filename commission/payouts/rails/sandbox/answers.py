"""What an answer of the sandbox means. Pure; without a clear word of the rail it is unknown."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from commission.payouts.rails.protocol import (
    KEY_CONFLICT,
    Failed,
    NotFound,
    Outcome,
    Paid,
    Processing,
    Returned,
    SendOutcome,
    Throttled,
    TransferRequest,
    Unknown,
)

_RETRY_SECONDS_UNSAID = 60
_RETRY_SECONDS_MOST = 86_400
_UNREADABLE = Unknown("unreadable_answer")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that arrived whole."""

    status: int
    body: bytes
    retry_after: str | None


def outcome_of_send(answer: Answer, request: TransferRequest, now: datetime) -> SendOutcome:
    """What an answer to POST /transfers says about the request."""
    match answer.status:
        case 200 | 201:
            return _outcome_of_transfer(_document(answer), request.key, request)
        case 409:
            return Unknown(KEY_CONFLICT)
        case 422:
            return _refusal(_document(answer))
    return _outcome_of_status(answer, now)


def outcome_of_query(answer: Answer, key: str, expected: TransferRequest | None, now: datetime) -> Outcome:
    """What an answer to GET /transfers/{key} says about the key."""
    document = _document(answer)
    match answer.status:
        case 200 if {"account", "amount", "currency"} <= document.keys():
            return _outcome_of_transfer(document, key, expected)
        case 200:
            return _UNREADABLE
        case 404 if document.get("code") == "transfer_not_found":  # not just any server that lacks the path
            return NotFound()
    return _outcome_of_status(answer, now)


def _document(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; empty when it is none."""
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _outcome_of_transfer(document: dict[str, Any], key: str, expected: TransferRequest | None) -> SendOutcome:
    if not document:
        return _UNREADABLE
    contradiction = _contradiction(document, key, expected)
    if contradiction:
        return Unknown(f"contradictory_{contradiction}")
    return _outcome_of_told_status(document, key)


def _outcome_of_told_status(document: dict[str, Any], key: str) -> SendOutcome:
    match document.get("status"):
        case "paid":
            return Paid(key)  # the sandbox has no reference but the key
        case "processing":
            return Processing(key)
        case "failed":
            return Failed(_reason(document, "failed"))
        case "returned":
            return Returned(_reason(document, "returned"))
    return Unknown("unknown_status")


def _contradiction(document: dict[str, Any], key: str, expected: TransferRequest | None) -> str | None:
    """The first field in which the answer speaks of another transfer than the one asked about."""
    if document.get("key") != key:
        return "key"
    for name in ("account", "amount", "currency"):
        if expected is not None and name in document and _differs(document[name], getattr(expected, name)):
            return name
    return None


def _differs(told: object, meant: object) -> bool:
    return type(told) is not type(meant) or told != meant  # 1.0 and true equal 1 in Python


def _refusal(document: dict[str, Any]) -> SendOutcome:
    """422 in the rail's own words is final; from anything else on that port it says nothing."""
    if not isinstance(document.get("code"), str):
        return Unknown("http_422")
    errors = document.get("errors")
    pointers = (
        [str(error.get("pointer")) for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    )
    return Failed(" ".join(["refused", document["code"], *pointers])[:200])


def _outcome_of_status(answer: Answer, now: datetime) -> Throttled | Unknown:
    if answer.status == 429:
        return Throttled(_retry_at(answer.retry_after, now))
    return Unknown(f"http_{answer.status}")


def _retry_at(retry_after: str | None, now: datetime) -> datetime:
    """RFC 9110 Retry-After, seconds or a date, kept between now and a day ahead."""
    latest = now + timedelta(seconds=_RETRY_SECONDS_MOST)
    if retry_after is not None and retry_after.isdecimal():
        return now + timedelta(seconds=min(int(retry_after[:9]), _RETRY_SECONDS_MOST))
    try:
        return min(max(parsedate_to_datetime(retry_after or "").astimezone(UTC), now), latest)
    except (ValueError, OverflowError):
        return now + timedelta(seconds=_RETRY_SECONDS_UNSAID)


def _reason(document: dict[str, Any], otherwise: str) -> str:
    reason = document.get("reason")
    return reason[:200] if isinstance(reason, str) and reason else otherwise
