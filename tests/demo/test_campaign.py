"""The campaign: what there is to see afterwards, and that nothing of it ever comes in twice."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask

from coupons.clicks.records import ClickRecord
from coupons.clicks.segments import read, segments_in
from coupons.clicks.shipping import ship
from demo import accounts
from demo.accounts import Access
from demo.campaign import COUPONS, EXAMPLE_ITEM, LINKS, ORDERS, SHOWN, VISITS, link_code, sharers
from demo.intake import Intake
from demo.launch import launch
from demo.load import DATA
from demo.office import signed_in
from demo.outcome import Example
from demo.progress import Show
from demo.report import campaign_lines, way_on_lines
from demo.retail import RetailFolder
from demo.web import Web, WebError
from tests.clients import ApiClient
from tests.demo.conftest import served, work
from tests.demo.test_report import called


class Shelf:
    """Where the demo keeps its access: what was kept last."""

    def __init__(self, access: Access) -> None:
        self.access = access

    def keep(self, access: Access) -> None:
        self.access = msgspec.json.decode(msgspec.json.encode(access), type=Access)  # as the file has it


@pytest.fixture
def shelf(access: Access, web: int, retail_slice: RetailFolder, show: Show) -> Shelf:
    """A program with the slice's members, reached over a real web."""
    Intake(accounts.shop(access), show, 500).take_members(retail_slice.members(), retail_slice.extent().members)
    return Shelf(msgspec.structs.replace(access, base_url=f"http://127.0.0.1:{web}"))


@pytest.fixture
def start(shelf: Shelf, retail_slice: RetailFolder, show: Show) -> Callable[[], Access]:
    """One start of the demo, as far as the campaign goes."""
    return lambda: launch(shelf.access, retail_slice, show, shelf.keep)


@pytest.fixture
def shop(app: Flask, access: Access) -> ApiClient:
    return ApiClient(app, access.api_key)


def clicks_of(access: Access, folder: Path) -> list[ClickRecord]:
    records = [one for path in segments_in(folder) for one in read(path, 0, 10**9)[0]]
    return [one for one in records if one.program_id == access.program]


def found(client: ApiClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def named(access: Access, name: str) -> str:
    return f"/v1/links/ext:{link_code(access.program_id, name)}"


def test_clicks_and_orders_are_in_the_stats(
    start: Callable[[], Access], shop: ApiClient, access: Access, clicks_dir: Path
) -> None:
    start()
    ship(clicks_of(access, clicks_dir))
    work(access.program)
    stats = found(shop, f"{named(access, 'cake')}/stats")
    assert (stats["clicks"], stats["unique_clicks"], stats["bot_clicks"]) == (3, 2, 1)
    assert (stats["orders"], stats["sales"]) == (1, 2550)
    (campaign,) = found(shop, "/v1/stats?group_by=campaign")["data"]
    assert (campaign["clicks"], campaign["orders"]) == (5, 3)


def test_orders_are_sold_by_click_and_by_code_and_say_why(
    app: Flask, start: Callable[[], Access], shop: ApiClient, retail_slice: RetailFolder
) -> None:
    access = start()
    first, second = (found(shop, f"/v1/members/ext:{name}") for name in sharers(retail_slice))
    orders = [found(shop, f"/v1/orders/ext:demo-100{n}") for n in (1, 2, 3)]
    sold = [(one["attribution"]["source"], one["attribution"]["member_id"]) for one in orders]
    assert sold == [("click", first["id"]), ("coupon", first["id"]), ("click", second["id"])]
    assert all({c["level"] for c in one["commissions"]} == {1, 2} for one in orders)
    assert orders[1]["coupon_discount"] == 304  # 10 % of 3045
    refused = found(shop, "/v1/orders/ext:demo-1002/explanation")["evidence_refused"]
    assert ("click", "outranked") in {(one["source"], one["reason"]) for one in refused}
    ann = found(shop, "/v1/members/ext:demo-ann")
    assert (ann["inviter_id"], ann["binding"]["source"]) == (first["id"], "click")
    work(access.program)
    assert signed_in(app, access.owner).call("GET", "/v1/guard-signals")["data"] == []  # nobody buys within 3 s


def test_coupons_are_redeemed_and_claimed(start: Callable[[], Access], shop: ApiClient) -> None:
    coupons = start().campaign.coupons
    taken = {name: found(shop, f"/v1/coupons/{id_}")["taken"] for name, id_ in coupons.items()}
    assert taken == {"shared": 1, "claimed": 1}
    again = shop.post(f"/v1/coupons/{coupons['claimed']}/claims", {"customer_external_id": "demo-dee"})
    assert (again.status_code, again.json["code"]) == (409, "limit_reached")  # type: ignore[index]


def test_what_is_sold_stands_in_the_demos_own_data() -> None:
    prices = {(line.sku, line.unit_price, line.category) for o in RetailFolder(DATA).orders() for line in o.items}
    sold = [item for order in ORDERS for item in order.content["items"]]
    assert {(one["sku"], one["unit_price"], one["category"]) for one in [*sold, EXAMPLE_ITEM]} <= prices


def everything(access: Access, shop: ApiClient, folder: Path) -> dict[str, int]:
    lists = ("links", "coupons", "orders", "commissions")
    counts = {name: len(found(shop, f"/v1/{name}?limit=200")["data"]) for name in lists}
    claims = access.campaign.coupons["claimed"]
    return counts | {
        "claims": len(found(shop, f"/v1/coupons/{claims}/codes")["data"]),
        "visitors": len(found(shop, "/v1/members?q=demo-")["data"]),
        "clicks": len(clicks_of(access, folder)),
    }


COMPLETE = {
    "links": len(LINKS), "coupons": len(COUPONS), "orders": len(ORDERS), "commissions": 2 * len(ORDERS),
    "claims": 1, "clicks": len(VISITS),
}  # fmt: skip


def test_a_second_start_adds_nothing(start: Callable[[], Access], shop: ApiClient, clicks_dir: Path) -> None:
    first = start()
    before = everything(first, shop, clicks_dir)
    assert before | COMPLETE == before
    assert start() == first
    assert everything(first, shop, clicks_dir) == before


class Losing:
    """A web that does what it is asked, and whose n-th answer is lost."""

    def __init__(self, wsgi: Any, n: int) -> None:
        self._wsgi, self._left, self.path = wsgi, n, ""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._left -= 1
        if self._left:
            return self._wsgi(environ, start_response)  # type: ignore[no-any-return]  # a WSGI application
        self.path = environ["PATH_INFO"]
        for _ in self._wsgi(environ, lambda *_: None):
            pass
        start_response("502 Bad Gateway", [("Content-Length", "0")])
        return [b""]


REQUESTS = {
    "the first": 1, "a coupon": 3, "the code": 5, "a link": 7, "a first visit": 9, "a later visit": 10,
    "the registration": 16, "the claim": 17, "an order": 18, "the last": 20,
}  # fmt: skip


@pytest.mark.parametrize("lost", REQUESTS.values(), ids=REQUESTS)
def test_broken_off_anywhere_it_ends_the_same(
    app: Flask, shelf: Shelf, start: Callable[[], Access], shop: ApiClient, clicks_dir: Path, lost: int
) -> None:
    home = shelf.access.base_url
    with served(web := Losing(app, lost)) as port:
        shelf.access = msgspec.structs.replace(shelf.access, base_url=f"http://127.0.0.1:{port}")
        with pytest.raises(WebError, match="answered 502"):
            start()
    shelf.access = msgspec.structs.replace(shelf.access, base_url=home)
    ended = start()
    assert ended.campaign.complete
    unheard = 1 if web.path.startswith("/r/") else 0  # nobody told the visitor where to go: he clicks again
    counts = everything(ended, shop, clicks_dir)
    assert counts | COMPLETE | {"clicks": len(VISITS) + unheard} == counts
    assert found(shop, named(ended, SHOWN))["destination_url"] == f"{home}/docs"


def test_no_request_comes_after_the_last_one_tested(app: Flask, shelf: Shelf, start: Callable[[], Access]) -> None:
    with served(Losing(app, REQUESTS["the last"] + 1)) as port:
        shelf.access = msgspec.structs.replace(shelf.access, base_url=f"http://127.0.0.1:{port}")
        assert start().campaign.complete


def test_links_follow_to_another_port_unless_somebody_changed_them(
    app: Flask, shelf: Shelf, start: Callable[[], Access], shop: ApiClient
) -> None:
    access = start()
    assert shop.delete(named(access, "video")).status_code == 204
    elsewhere = {"destination_url": "https://shop.example/"}
    assert shop.patch(named(access, "mail"), elsewhere).status_code == 200
    with served(app) as port:
        shelf.access = msgspec.structs.replace(shelf.access, base_url=f"http://127.0.0.1:{port}")
        start()
    assert shelf.access.campaign.leads_to == f"http://127.0.0.1:{port}"
    leads_to = [found(shop, named(access, name))["destination_url"] for name in ("cake", "mail")]
    assert leads_to == [f"http://127.0.0.1:{port}/docs", "https://shop.example/"]
    assert found(shop, "/v1/links?status=deleted")["data"][0]["code"] == link_code(access.program_id, "video")


def test_every_printed_command_answers(app: Flask, start: Callable[[], Access]) -> None:
    access = start()
    commands = campaign_lines(access)
    stats, poster, quote = (called(app, access, command) for command in commands)
    assert [one.status_code for one in (stats, poster, quote)] == [200, 200, 200]
    assert stats.json["interval"] == "month"
    assert poster.data.startswith(b"\x89PNG")
    assert (quote.json["discount"], quote.json["refused"]) == (255, [])
    printed = list(way_on_lines(access, None, Example(access.program, "1", "2", "3", 4)))
    assert all(f"  {command}" in printed for command in commands)
    assert any(line.endswith(f"/r/{link_code(access.program_id, SHOWN)}") for line in printed)


@pytest.fixture
def nobody() -> Web:
    with served(lambda *_: []) as port:
        pass
    return Web(f"http://127.0.0.1:{port}")


def test_a_web_that_does_not_answer_is_told(nobody: Web, access: Access, web: int) -> None:
    with pytest.raises(WebError, match="has no answer"):
        nobody.call("GET", "/v1/program")
    there = Web(f"http://127.0.0.1:{web}", access.api_key)
    assert there.call("GET", "/v1/program")["currency"] == "GBP"
    with pytest.raises(WebError, match="answered 404 without a click"):
        there.follow("nothing", "Mozilla/5.0", None)
    with pytest.raises(WebError, match="answered 422"):
        there.call("POST", "/v1/links", {})
