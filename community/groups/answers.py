"""What a member is told when he asks in a chat: earnings, link, rank, points; or how to become known. Reads only."""

from typing import Protocol
from uuid import UUID

from flask import current_app

from commission.ledger.service import balances_of
from community.boards.service import rank_of
from community.groups.queries import Group
from community.groups.rules import Scope
from community.groups.service import group_keys
from community.points.service import points_of
from core.auth.actor import Program
from core.clock import day_of, now
from core.prices import price_text
from coupons.links.service import find_links, short_url


class Asked(Protocol):
    """What of a question its answer depends on."""

    @property
    def member_id(self) -> UUID | None: ...
    @property
    def keyword(self) -> str: ...


def answer_text(program: Program, group: Group, question: Asked) -> str:
    """The answer in the group's language, as it stands now."""
    words = _WORDS[group.language]
    if question.keyword == "help":
        return words["help"]
    if question.member_id is None:
        return words["stranger"]
    return _ANSWERS[question.keyword](program, group, question.member_id)


def _earnings(program: Program, group: Group, member_id: UUID) -> str:
    balance = balances_of(program.id, [member_id])[member_id]
    amounts = {
        name: price_text(getattr(balance, name), program.currency, group.language)
        for name in ("pending", "available", "in_payout", "paid")
    }
    return _WORDS[group.language]["earnings"].format(**amounts)


def _link(program: Program, group: Group, member_id: UUID) -> str:
    """His newest link that leads somewhere, one of this group before others."""
    links = find_links(program.id, {"member_id": member_id, "status": "active"}, None, 50)
    keys = group_keys(group)
    chosen = next((link for link in links if link.group_id in keys), links[0] if links else None)
    words = _WORDS[group.language]
    return words["link"].format(url=_address(chosen.code)) if chosen else words["no_link"]


def _address(code: str) -> str:
    """A job answers no request that would name this server: without PUBLIC_URL there is the path alone."""
    return short_url(code) if current_app.config["SETTINGS"].public_url else f"/r/{code}"


def _rank(program: Program, group: Group, member_id: UUID) -> str:
    day = day_of(now(), program.settings.timezone)
    own = group.id if group.scope == Scope.GROUP else None
    place = rank_of(program, member_id, "sales", "month", day, own)
    words = _WORDS[group.language]
    return words["rank"].format(rank=place) if place else words["no_rank"]


def _points(program: Program, group: Group, member_id: UUID) -> str:
    points = points_of(program.id, [member_id]).get(member_id, 0)
    return _WORDS[group.language]["points"].format(points=points)


_ANSWERS = {"earnings": _earnings, "link": _link, "rank": _rank, "points": _points}

_WORDS = {
    "zh": {
        "help": "发送“我的收益”“我的链接”“排名”“积分”，我会私下回复你。",
        "stranger": "我还不认识你。请在商城“我的”页面绑定此聊天账号，再来问我。",
        "earnings": "待解冻 {pending}，可提现 {available}，打款中 {in_payout}，已打款 {paid}。",
        "link": "你的推广链接：{url}",
        "no_link": "你还没有推广链接，请先在商城创建一个。",
        "rank": "本月销售榜：第 {rank} 名。",
        "no_rank": "本月你还没有上榜。",
        "points": "你有 {points} 积分。",
    },
    "en": {
        "help": "Ask me “my earnings”, “my link”, “rank” or “points”; I answer privately.",
        "stranger": "I do not know you yet. Connect this chat account on your page in the shop, then ask again.",
        "earnings": "Pending {pending}, available {available}, being paid {in_payout}, paid {paid}.",
        "link": "Your link: {url}",
        "no_link": "You have no link yet: make one in the shop first.",
        "rank": "Sales this month: you are number {rank}.",
        "no_rank": "You are not on this month's board yet.",
        "points": "You have {points} points.",
    },
}
