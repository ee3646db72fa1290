"""Posters over HTTP: the product's picture is fetched safely, once, outside of transactions, and may be missing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any

import psycopg
import pytest
from flask import Flask
from PIL import Image

from coupons.sharing import pictures
from coupons.sharing.posters.templates import TEMPLATES
from tests.clients import make_program
from tests.coupons.sharing.shop import PRODUCT, Pictures, Shop, encoded, modules_in, picture

BLUE = (20, 90, 200)
PHOTO = encoded(Image.new("RGB", (300, 300), BLUE))


def middle(image: Image.Image, template: str = "classic") -> Any:
    box = TEMPLATES[template].picture
    return image.getpixel((box.left + 20, box.top + box.height // 2))


def poster_path(link: dict[str, Any], query: str = "") -> str:
    return f"/v1/links/{link['id']}/poster.png{query}"


@pytest.mark.parametrize("template", list(TEMPLATES))
def test_a_poster_has_the_picture_and_the_code_of_the_link(
    shop: Shop, pictures_server: Pictures, template: str
) -> None:
    url = pictures_server.tells("/tea.png", PHOTO)
    link = shop.link(product=PRODUCT | {"image_url": url})
    image = picture(shop.client.get(poster_path(link, f"?template={template}&language=zh")))
    assert image.size == (TEMPLATES[template].width, TEMPLATES[template].height)
    assert middle(image, template) == BLUE
    box = TEMPLATES[template].code
    shown, meant = modules_in(image.crop((box.left, box.top, box.right, box.bottom)), link["short_url"])
    assert shown == meant


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (404, "image/png", PHOTO), (500, "image/png", PHOTO), (200, "text/html", b"<html></html>"),
        (200, "image/png", b""), (200, "image/gif", encoded(Image.new("RGB", (9, 9)), "GIF")),
        (200, "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        (200, "image/png", PHOTO[:-30]), (200, "image/png", PHOTO + b"x" * (5 * 1024 * 1024)),
    ],
)  # fmt: skip
def test_a_picture_that_cannot_be_had_gives_a_placeholder(
    shop: Shop, pictures_server: Pictures, status: int, kind: str, body: bytes
) -> None:
    url = pictures_server.tells("/tea.png", body, kind, status)
    link = shop.link(product=PRODUCT | {"image_url": url})
    image = picture(shop.client.get(poster_path(link)))
    without = shop.link(product=PRODUCT)
    assert pictures_server.asked == ["/tea.png"]
    assert middle(image) != BLUE
    assert middle(image) == middle(picture(shop.client.get(poster_path(without))))


def test_the_kind_is_told_by_the_bytes_and_not_by_the_server(shop: Shop, pictures_server: Pictures) -> None:
    url = pictures_server.tells("/tea", PHOTO, "application/octet-stream")
    assert middle(picture(shop.client.get(poster_path(shop.link(product=PRODUCT | {"image_url": url}))))) == BLUE


def test_private_addresses_are_not_fetched_unless_the_operator_says_so(
    shop: Shop, app: Flask, pictures_server: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.config["SETTINGS"]
    monkeypatch.setitem(app.config, "SETTINGS", replace(settings, allow_private_urls=False))
    link = shop.link(product=PRODUCT | {"image_url": pictures_server.tells("/tea.png", PHOTO)})
    assert middle(picture(shop.client.get(poster_path(link)))) != BLUE
    assert pictures_server.asked == []


def test_a_picture_is_fetched_once_for_many_posters_and_a_missing_one_too(
    shop: Shop, pictures_server: Pictures
) -> None:
    there, gone = pictures_server.tells("/tea.png", PHOTO), pictures_server.tells("/gone.png", b"", status=404)
    for url in (there, gone):
        link = shop.link(product=PRODUCT | {"image_url": url})
        for template in TEMPLATES:
            picture(shop.client.get(poster_path(link, f"?template={template}")))
    assert pictures_server.asked == ["/tea.png", "/gone.png"]
    pictures.forget()
    picture(shop.client.get(poster_path(link)))
    assert pictures_server.asked[-1] == "/gone.png"
    assert len(pictures_server.asked) == 3


def test_slow_servers_of_others_do_not_hold_every_thread(shop: Shop, app: Flask, pictures_server: Pictures) -> None:
    """Each poster of a flood names another picture of a server that never answers in time."""
    release = threading.Event()
    pictures_server.on_request = lambda: release.wait(10) and None
    path = "/slow{}.png"
    urls = [pictures_server.tells(path.format(number), PHOTO) for number in range(pictures.MOST_AT_ONCE + 1)]

    def ask(url: str) -> bytes | None:
        with app.app_context():
            return pictures.picture_bytes(url)

    with ThreadPoolExecutor(len(urls)) as pool:
        waiting = [pool.submit(ask, url) for url in urls[:-1]]
        while len(pictures_server.asked) < pictures.MOST_AT_ONCE:
            time.sleep(0.01)
        began = time.monotonic()
        assert ask(urls[-1]) is None
        assert time.monotonic() - began < 3
        release.set()
        assert [one.result() for one in waiting] == [PHOTO] * pictures.MOST_AT_ONCE
    assert ask(urls[-1]) == PHOTO, "it was not asked for, so nothing is remembered of it"


def test_a_poster_without_its_picture_is_cached_for_a_moment_only(shop: Shop, pictures_server: Pictures) -> None:
    url = pictures_server.tells("/tea.png", b"", status=503)
    link = shop.link(product=PRODUCT | {"image_url": url})
    assert shop.client.get(poster_path(link)).headers["Cache-Control"] == "private, max-age=30"


def test_no_transaction_is_open_while_a_picture_is_fetched(
    shop: Shop, pictures_server: Pictures, database_environment: dict[str, str]
) -> None:
    """A slow server of a shop must not hold a connection's snapshot and locks."""
    url = database_environment["DATABASE_ADMIN_URL"].replace("postgresql+psycopg", "postgresql")
    seen: list[Any] = []
    with psycopg.connect(url, autocommit=True) as watching:

        def look() -> None:
            seen.extend(
                watching.execute(
                    """SELECT state, query FROM pg_stat_activity WHERE datname = current_database()
                       AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%' OR state = 'active'
                       AND pid <> pg_backend_pid() AND datname = current_database()"""
                ).fetchall()
            )

        pictures_server.on_request = look
        link = shop.link(product=PRODUCT | {"image_url": pictures_server.tells("/tea.png", PHOTO)})
        picture(shop.client.get(poster_path(link)))
    assert pictures_server.asked == ["/tea.png"]
    assert seen == []


def test_who_has_it_already_gets_304_until_something_on_it_changes(shop: Shop, pictures_server: Pictures) -> None:
    url = pictures_server.tells("/tea.png", PHOTO)
    link = shop.link(product=PRODUCT | {"image_url": url})
    first = shop.client.get(poster_path(link))
    mark = {"If-None-Match": first.headers["ETag"]}
    assert first.headers["Cache-Control"] == "private, max-age=300"
    assert shop.client.get(poster_path(link), headers=mark).status_code == 304
    assert shop.client.get(poster_path(link)).data == first.data
    assert shop.client.get(poster_path(link, "?template=story"), headers=mark).status_code == 200
    shop.client.patch("/v1/members/ext:ada", {"name": "Ada King"})
    renamed = shop.client.get(poster_path(link), headers=mark)
    assert renamed.status_code == 200
    shop.client.patch(f"/v1/links/{link['id']}", {"product": PRODUCT | {"image_url": url, "price": 9990}})
    assert shop.client.get(poster_path(link), headers={"If-None-Match": renamed.headers["ETag"]}).status_code == 200
    pictures_server.tells("/tea.png", encoded(Image.new("RGB", (30, 30), (200, 0, 0))))
    pictures.forget()
    assert shop.client.get(poster_path(link), headers={"If-None-Match": renamed.headers["ETag"]}).status_code == 200


def test_a_coupon_code_stands_on_it_while_it_can_be_used(shop: Shop) -> None:
    coupon = shop.owner.post("/v1/coupons", {"name": "Ten off", "kind": "amount", "amount": 1000}).json
    assert coupon is not None
    made = shop.owner.post(f"/v1/coupons/{coupon['id']}/codes", {"code": "TEA10"})
    assert made.status_code == 201, made.text
    with_code, without = shop.link(product=PRODUCT, coupon_code="tea10"), shop.link(product=PRODUCT)
    line = TEMPLATES["classic"].coupon
    area = (line.x - line.width, line.top, line.x, line.top + 2 * line.size)
    label = picture(shop.client.get(poster_path(with_code))).crop(area)
    blank = picture(shop.client.get(poster_path(without))).crop(area)
    assert blank.getcolors() == [(line.width * 2 * line.size, (255, 255, 255))]
    assert len(label.getcolors(100_000) or []) > 5


def test_words_are_of_the_programs_country_unless_said(shop: Shop, app: Flask) -> None:
    """GBP here: English; CNY: Chinese."""
    link = shop.link()
    usual = shop.client.get(poster_path(link)).data
    assert usual == shop.client.get(poster_path(link, "?language=en")).data
    assert usual != shop.client.get(poster_path(link, "?language=zh")).data
    chinese = Shop(make_program(app, currency="CNY"))
    link = chinese.link()
    assert chinese.client.get(poster_path(link)).data == chinese.client.get(poster_path(link, "?language=zh")).data


@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD", "INR", "THB", "VND", "CLF"])
def test_prices_of_every_currency_can_be_drawn(app: Flask, currency: str) -> None:
    shop = Shop(make_program(app, currency=currency))
    assert picture(shop.client.get(poster_path(shop.link(product=PRODUCT))))


@pytest.mark.parametrize(
    "product",
    [
        {}, {"title": None, "price": None}, {"title": "x" * 200}, {"title": "😀😀😀"}, {"price": 0},
        {"title": "\u202egnp.exe", "price": 10**15}, {"sku": "A"}, {"image_url": "https://nowhere.invalid/a.png"},
    ],
)  # fmt: skip
def test_whatever_a_product_lacks_there_is_a_poster(shop: Shop, product: dict[str, Any]) -> None:
    assert picture(shop.client.get(poster_path(shop.link(product=product))))


def test_a_link_without_product_has_a_plain_poster(shop: Shop) -> None:
    image = picture(shop.client.get(poster_path(shop.link(), "?template=square&language=zh")))
    assert image.size == (1080, 1080)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("template=huge", "/template"), ("language=fr", "/language"), ("template=", "/template"), ("size=9", "/size")],
)
def test_what_cannot_be_is_refused(shop: Shop, query: str, pointer: str) -> None:
    answer = shop.client.get(poster_path(shop.link(), f"?{query}"))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_an_erased_sharer_is_not_named(shop: Shop, pictures_server: Pictures) -> None:
    """An erasure ends his links: there is no poster of theirs any more."""
    link = shop.link()
    assert shop.program.staff("owner").post("/v1/members/ext:ada/erasure").status_code in {200, 204}
    assert shop.client.get(poster_path(link)).status_code == 410


def test_drawn_posters_are_counted(shop: Shop, pictures_server: Pictures) -> None:
    link = shop.link(product=PRODUCT | {"image_url": pictures_server.tells("/tea.png", PHOTO)})

    def counted(line: str) -> float:
        text = shop.client.get("/metrics").text
        return sum(float(found.split()[-1]) for found in text.splitlines() if found.startswith(line))

    drawn, fetched = 'banyan_posters_total{template="story"}', 'banyan_poster_pictures_total{outcome="fetched"}'
    before = counted(drawn), counted(fetched)
    answer = shop.client.get(poster_path(link, "?template=story"))
    mark = {"If-None-Match": answer.headers["ETag"]}
    assert shop.client.get(poster_path(link, "?template=story"), headers=mark).status_code == 304
    assert (counted(drawn), counted(fetched)) == (before[0] + 1, before[1] + 1)


def test_logs_never_have_the_address_of_a_picture(
    shop: Shop, pictures_server: Pictures, capsys: pytest.CaptureFixture[str]
) -> None:
    url = pictures_server.tells("/tea.png?signature=s3cret", b"", status=403)
    picture(shop.client.get(poster_path(shop.link(product=PRODUCT | {"image_url": url}))))
    logged = capsys.readouterr().err
    assert "product picture not fetched" in logged
    assert "s3cret" not in logged
    assert "127.0.0.1" not in logged


def test_the_poster_opens_elsewhere_too(shop: Shop) -> None:
    data: bytes = shop.client.get(poster_path(shop.link())).data
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert Image.open(BytesIO(data)).get_format_mimetype() == "image/png"
