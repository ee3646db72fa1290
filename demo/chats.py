"""Two groups of the demo in chats that this copy plays: what the campaign sells is told there. Needs no account."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from config.settings import Settings
from demo.accounts import Access
from demo.progress import Show
from demo.web import Web, WebError

SHOWN = ("wecom", 0)  # the chat whose texts the demo tells how to read
GROUPS: Mapping[tuple[str, int], dict[str, Any]] = {
    SHOWN: {
        "external_id": "demo-family", "name": "家人群", "language": "zh", "show_amounts": True,
        "topics": ["member", "order", "coupon", "activity", "red_packet", "digest"], "rules": "文明交流，不刷屏。",
    },
    ("slack", 0): {
        "external_id": "demo-sellers", "name": "Sellers", "language": "en", "show_amounts": False,
        "topics": ["order", "commission", "payout", "milestone"],
    },
}  # fmt: skip
_PATIENCE_SECONDS = 10.0

Keep = Callable[[Access], None]


def address(settings: Settings) -> str | None:
    """Where the chats are played; waits a little for a server that only starts. None: there are only the real ones."""
    ends = time.monotonic() + (_PATIENCE_SECONDS if settings.plays_chats else 0)
    while (found := settings.chat_address()) is None and time.monotonic() < ends:
        time.sleep(0.1)
    return found


def gather(access: Access, chats: str | None, show: Show, keep: Keep) -> Access:
    """Make the groups, once; nothing where no chats are played. May be broken off: groups go by their external ids.

    Raises:
        WebError: the product refused something, or one of the two does not answer.
    """
    if access.grouped or chats is None:
        return access
    with show.step("groups 群") as step:
        step.note = ", ".join(f"{group['name']} ({platform})" for (platform, _), group in GROUPS.items())
        log_in = {"email": access.owner.email, "password": access.owner.password}
        token = Web(access.base_url).call("POST", "/v1/auth/staff", log_in)["access_token"]
        staff = Web(access.base_url, token)
        for (platform, number), group in GROUPS.items():
            staff.call("POST", "/v1/groups", group | {"platform": platform, "target": _target(chats, platform, number)})
        access = msgspec.structs.replace(access, grouped=True)
        keep(access)
    return access


def _target(chats: str, platform: str, number: int) -> dict[str, Any]:
    try:
        answer = httpx.get(f"{chats}/targets/{platform}/{number}", trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise WebError(f"the played chats do not answer: {error}") from error
    target: dict[str, Any] = answer.json()["target"]
    return target


def book_url(chats: str) -> str:
    """Where the texts of the shown chat can be read."""
    platform, number = SHOWN
    return f"{chats}/book?{urlencode({'platform': platform, 'target': number})}"
