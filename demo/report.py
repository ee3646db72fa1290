"""Prints what came out and how to go on, in English with the Chinese terms beside. Amounts by their exponent."""

import shlex
from collections.abc import Iterator

import orjson
from rich.cells import cell_len

from core.ids import public_id
from core.money import CURRENCY_EXPONENTS
from demo.accounts import Access
from demo.campaign import COUPON_CODE, EXAMPLE_ITEM, SHOWN, link_code
from demo.intake import Intake
from demo.outcome import Example, Outcome

_WIDTH = 34
_LEVEL_NAMES = "零一二三四五六七八九十"  # max_levels is at most 10


def money(amount: int, currency: str) -> str:
    """`GBP 1,234.56`: minor units as people write them."""
    exponent = CURRENCY_EXPONENTS[currency]
    whole, part = divmod(abs(amount), 10**exponent)
    digits = f"{whole:,}" + (f".{part:0{exponent}d}" if exponent else "")
    return f"{currency} {'−' if amount < 0 else ''}{digits}"


def summary_lines(outcome: Outcome) -> Iterator[str]:
    """What came out."""
    yield ""
    yield "What came out 结果"
    yield from (f"  {_padded(name)} {value}" for name, value in _facts(outcome))


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    sales, currency = outcome.sales, outcome.currency
    yield "orders 订单", f"{sales.orders:,} with {sales.lines:,} lines, {sales.guests:,} by guests"
    yield "sales 销售额", money(sales.sales, currency)
    yield "refunded 退款", money(sales.refunded, currency)
    for level in outcome.levels:
        yield (
            f"commission, level {level.level} {_LEVEL_NAMES[level.level]}级佣金",
            _level(level.amount, level.commissions, currency),
        )
    reversed_ = sum(level.reversed for level in outcome.levels)
    yield "reversed by refunds 退款冲减", money(reversed_, currency)
    yield "matured 已解冻", _level(outcome.matured.amount, outcome.matured.commissions, currency)
    yield from _payouts(outcome)
    yield from _books(outcome)


def _level(amount: int, commissions: int, currency: str) -> str:
    return f"{money(amount, currency)} in {commissions:,} commissions"


def _payouts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    for one in sorted(outcome.run["progress"], key=lambda one: one["status"] != "paid"):
        name = "paid out 已打款" if one["status"] == "paid" else f"payouts {one['status']}"
        yield name, f"{money(one['gross'], outcome.currency)} in {one['count']:,} payouts over the sandbox rail"
    for one in outcome.run["skipped"]:
        reason = one["reason"].replace("_", " ")
        yield f"not paid: {reason}", f"{money(one['amount'], outcome.currency)} of {one['count']:,} members"


def _books(outcome: Outcome) -> Iterator[tuple[str, str]]:
    finance, currency = outcome.finance, outcome.currency
    yield "still pending 未解冻", money(finance["pending"], currency)
    yield "still available 可提现", money(finance["payable"], currency)
    debt = finance["debt"]
    yield "debts 待追回", f"{money(debt['amount'], currency)} of {debt['members']:,} members"
    yield "ledger balanced 账平", "yes 是" if outcome.books_agree else "NO 否"
    yield "fingerprint of all balances", outcome.fingerprint[:16]


def speed_lines(intake: Intake, seconds: float) -> Iterator[str]:
    """How fast it went in: orders and lines a second of the product's own time, from parsed rows to commit."""
    yield ""
    yield "How fast 速度"
    for name, tally in intake.tallies.items():
        if tally.total and tally.seconds:
            rate = f"{tally.total / tally.seconds:,.0f} a second"
            yield f"  {_padded(name.replace('_', ' '))} {tally} in {tally.seconds:.2f} s, {rate}"
    if intake.orders.seconds:
        orders, lines = (count / intake.orders.seconds for count in (intake.orders.total, intake.orders.lines))
        yield f"  {_padded('order intake 订单写入')} {orders:,.0f} orders/s, {lines:,.0f} lines/s"
    yield f"  {_padded('everything 全程')} {seconds:.1f} s"


def curl_lines(access: Access, example: Example) -> list[str]:
    """Three commands that work as they stand."""
    url, key = f"{access.base_url}/v1", shlex.quote(f"Authorization: Bearer {access.api_key}")
    item = {"sku": example.sku, "category": "goods", "quantity": 1, "unit_price": example.unit_price}
    quote = orjson.dumps({"member_id": public_id("mem", example.member_id), "items": [item]}).decode()
    body = f"-H 'Content-Type: application/json' -d {shlex.quote(quote)}"  # --json is not in every curl
    return [
        f"curl -sS -H {key} {shlex.quote(f'{url}/members/ext:{example.member}/balance')}",
        f"curl -sS -H {key} {shlex.quote(f'{url}/orders/ext:{example.order}/explanation')}",
        f"curl -sS -H {key} {body} {shlex.quote(f'{url}/commission-quotes')}",
    ]


def campaign_lines(access: Access) -> list[str]:
    """A link's clicks and poster, and what a coupon code takes off: commands that work as they stand."""
    key = shlex.quote(f"Authorization: Bearer {access.api_key}")
    link = f"{access.base_url}/v1/links/ext:{link_code(access.program_id, SHOWN)}"
    quote = shlex.quote(orjson.dumps({"items": [EXAMPLE_ITEM], "codes": [COUPON_CODE]}).decode())
    return [
        f"curl -sS -H {key} '{link}/stats?interval=month'",
        f"curl -sS -H {key} -o poster.png {link}/poster.png",
        f"curl -sS -H {key} -H 'Content-Type: application/json' -d {quote} {access.base_url}/v1/coupon-quotes",
    ]


def way_on_lines(access: Access, kept_in: str | None, example: Example | None) -> Iterator[str]:
    """Addresses, keys, log-ins and commands."""
    yield ""
    yield "How to go on 接下来"
    yield f"  {_padded('API')} {access.base_url}"
    yield f"  {_padded('contract 接口文档')} {access.base_url}/docs"
    yield f"  {_padded('OpenAPI 3.1')} {access.base_url}/openapi.json"
    yield f"  {_padded('program 分销计划')} {access.program_id}"
    yield f"  {_padded('API key 密钥')} {access.api_key}"
    yield f"  {_padded('publishable key 公开密钥')} {access.publishable_key}"
    for name, who in (("owner 所有者", access.owner), *(("finance 财务", who) for who in access.finance)):
        yield f"  {_padded(name)} {who.email}  {who.password}"
    if access.campaign.complete:
        yield f"  {_padded('short link 短链接')} {access.base_url}/r/{link_code(access.program_id, SHOWN)}"
    if kept_in:
        yield f"  {_padded('all of this, for you alone')} {kept_in}"
    if example:
        yield ""
        yield "Try 试一试: a balance, why an order pays what it pays, what a sale would earn (分享赚)"
        yield from (f"  {line}" for line in curl_lines(access, example))
    if access.campaign.complete:
        yield ""
        yield "Open the short link in a browser 打开短链接 (curl is a robot); its clicks, its poster, a code's worth"
        yield from (f"  {line}" for line in campaign_lines(access))


def chat_lines(book_url: str) -> Iterator[str]:
    """What the demo's group has read."""
    yield ""
    yield "What the group reads 群里的消息 (played here; CHAT_URL=platforms reaches the real ones)"
    yield f"  curl -sS {shlex.quote(book_url)}"


def _padded(name: str) -> str:
    """Chinese characters are two columns wide."""
    return name + " " * (_WIDTH - cell_len(name))
