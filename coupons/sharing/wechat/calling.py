"""A call with a token: the kept one, else a new one, and once more when WeChat has ended it. No transaction is open."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar
from uuid import UUID

import structlog
from flask import current_app

from coupons.sharing.errors import WeChatRefused, WeChatUnavailable
from coupons.sharing.metrics import WECHAT_CALLS
from coupons.sharing.wechat.client import WeChatApi
from coupons.sharing.wechat.protocol import (
    AccessToken,
    Failure,
    MessageSent,
    MiniProgram,
    Picture,
    Refused,
    SubscribeMessage,
    Throttled,
    TokenEnded,
    Unknown,
    UrlLink,
    WeChat,
)
from coupons.sharing.wechat.tokens import KeptTokens

T = TypeVar("T", UrlLink, Picture)

_log = structlog.get_logger(__name__)
_AGAIN_SECONDS = 5
_AWAY_SECONDS = 30
_SENDERS = 8


def url_link(program_id: UUID, program: MiniProgram, path: str, query: str, days: int) -> UrlLink:
    """A new URL Link.

    Raises:
        WeChatRefused: with WeChat's number and our word for it.
        WeChatUnavailable: later, perhaps.
    """
    return _called(program_id, program, "url_link", lambda api, token: api.url_link(token, program, path, query, days))


def code(program_id: UUID, program: MiniProgram, page: str, scene: str, width: int) -> Picture:
    """A mini-program code. Raises: as `url_link`."""
    return _called(program_id, program, "wxacode", lambda api, token: api.code(token, program, page, scene, width))


def _called(program_id: UUID, program: MiniProgram, call: str, make: Callable[[WeChat, str], T | Failure]) -> T:
    api, tokens = _api(), KeptTokens(current_app.config["SETTINGS"].redis_url)
    outcome: T | Failure = TokenEnded(0)
    for fresh in (False, True):
        token = (None if fresh else tokens.find(program_id, program)) or _new_token(program_id, program, api, tokens)
        outcome = _counted(call, make(api, token))
        if not isinstance(outcome, TokenEnded):
            break
    return _required(call, outcome)


def _new_token(program_id: UUID, program: MiniProgram, api: WeChat, tokens: KeptTokens) -> str:
    told = _required("token", _counted("token", api.stable_token(program)))
    tokens.keep(program_id, program, told)
    return told.token


def send_messages(
    program_id: UUID, program: MiniProgram, messages: Sequence[SubscribeMessage]
) -> list[MessageSent | Refused | Throttled | Unknown]:
    """Send each message once, several at a time; what became of each, in their order. Raises nothing.

    Refused and Throttled: it was not sent. Unknown: it may have been, and sending again could double it.
    """
    api, tokens = _api(), KeptTokens(current_app.config["SETTINGS"].redis_url)
    outcomes: dict[int, MessageSent | Failure] = {place: TokenEnded(0) for place in range(len(messages))}
    for fresh in (False, True):
        again = [place for place, outcome in outcomes.items() if isinstance(outcome, TokenEnded)]
        if not again:
            break
        try:
            token = (None if fresh else tokens.find(program_id, program)) or _new_token(
                program_id, program, api, tokens
            )
        except (WeChatRefused, WeChatUnavailable) as error:
            return [_unsent(outcome, error) for outcome in outcomes.values()]
        with ThreadPoolExecutor(min(_SENDERS, len(again))) as pool:
            sent = pool.map(lambda place, token=token: api.subscribe_send(token, program, messages[place]), again)
            outcomes |= {place: _counted("subscribe_send", outcome) for place, outcome in zip(again, sent, strict=True)}
    return [_settled(outcome) for outcome in outcomes.values()]


def _unsent(
    outcome: MessageSent | Failure, error: WeChatRefused | WeChatUnavailable
) -> MessageSent | Refused | Throttled | Unknown:  # fmt: skip
    """There is no token: what waits for one was not sent."""
    if not isinstance(outcome, TokenEnded):
        return _settled(outcome)
    if isinstance(error, WeChatRefused):
        return Refused(error.extra["errcode"], error.extra["reason"])
    return Throttled(0, error.extra.get("retry_after", _AGAIN_SECONDS))


def _settled(outcome: MessageSent | Failure) -> MessageSent | Refused | Throttled | Unknown:
    if isinstance(outcome, TokenEnded) or outcome == Unknown("not_connected"):
        return Throttled(0, _AWAY_SECONDS)  # nothing of it has left this machine, or WeChat did not let it in
    return outcome


R = TypeVar("R", AccessToken, UrlLink, Picture, MessageSent)


def _counted(call: str, outcome: R | Failure) -> R | Failure:
    name = type(outcome).__name__.lower() if isinstance(outcome, Failure) else "done"
    WECHAT_CALLS.labels(call, name).inc()
    return outcome


def _required(call: str, outcome: R | Failure) -> R:
    """What was wanted, or the refusal to answer with. Logs have WeChat's numbers and nothing of what was sent."""
    match outcome:
        case Refused(errcode, reason):
            _log.warning("wechat refused", call=call, errcode=errcode, reason=reason)
            raise WeChatRefused(f"WeChat refused the call ({errcode}, {reason}).", errcode=errcode, reason=reason)
        case TokenEnded(errcode):
            _log.warning("wechat takes no token", call=call, errcode=errcode)
            raise WeChatUnavailable("WeChat does not take its own access tokens.", retry_after=_AGAIN_SECONDS)
        case Throttled(errcode, seconds):
            _log.warning("wechat throttles", call=call, errcode=errcode)
            raise WeChatUnavailable(f"WeChat is busy or a limit is reached ({errcode}).", retry_after=seconds)
        case Unknown(reason):
            _log.warning("wechat gave no answer", call=call, reason=reason)
            raise WeChatUnavailable("WeChat gave no answer that can be read.", retry_after=_AGAIN_SECONDS)
    return outcome


def _api() -> WeChat:
    return _api_at(current_app.config["SETTINGS"].wechat_url)


@cache
def _api_at(url: str) -> WeChat:
    return WeChatApi(url)
