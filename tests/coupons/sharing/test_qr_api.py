"""QR codes over HTTP: who may have them, what may be asked, and what a client that has one already gets."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from core.clock import now
from tests.clients import TestProgram
from tests.coupons.sharing.shop import Shop, modules_in, picture

FILES = ["qr.svg", "qr.png"]


@pytest.mark.parametrize("file", [*FILES, "poster.png", "wxacode.png"])
def test_anonymous_is_refused_and_another_program_finds_nothing(
    shop: Shop, other_program: TestProgram, file: str
) -> None:
    path = f"/v1/links/{shop.link()['id']}/{file}"
    assert shop.program.anonymous.get(path).status_code == 401
    answer = other_program.client.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert shop.client.get(f"/v1/links/nothing/{file}").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator", "finance", "owner"])
def test_staff_of_every_role_may_see_them(shop: Shop, role: str) -> None:
    path = f"/v1/links/{shop.link()['id']}/qr.svg"
    assert shop.program.staff(role).get(path).status_code == 200


def test_the_png_holds_the_short_address(shop: Shop) -> None:
    link = shop.link()
    image = picture(shop.client.get(f"/v1/links/{link['id']}/qr.png"))
    assert image.size == (512, 512)
    shown, meant = modules_in(image, f"https://go.example/r/{link['code']}")
    assert shown == meant
    assert link["short_url"] == f"https://go.example/r/{link['code']}"


def test_the_svg_is_one_and_may_run_nothing(shop: Shop) -> None:
    link = shop.link()
    answer = shop.client.get(f"/v1/links/{link['id']}/qr.svg")
    assert answer.status_code == 200
    assert answer.content_type == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert f"<title>{link['short_url']}</title>" in answer.text
    assert "<script" not in answer.text


def test_a_link_is_found_by_its_code_as_well(shop: Shop) -> None:
    link = shop.link(code="ada-qr-tea")
    by_code = shop.client.get("/v1/links/ext:ada-qr-tea/qr.svg")
    assert by_code.data == shop.client.get(f"/v1/links/{link['id']}/qr.svg").data


@pytest.mark.parametrize("file", FILES)
def test_who_has_it_already_gets_304(shop: Shop, file: str) -> None:
    path = f"/v1/links/{shop.link()['id']}/{file}"
    first = shop.client.get(path)
    mark = first.headers["ETag"]
    assert mark.startswith('"')
    assert first.headers["Cache-Control"] == "private, max-age=3600"
    again = shop.client.get(path, headers={"If-None-Match": mark})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", mark)
    other = shop.client.get(f"{path}?size=600", headers={"If-None-Match": mark})
    assert other.status_code == 200
    assert other.headers["ETag"] != mark
    assert shop.client.get(path).data == first.data
    head = shop.client.call("HEAD", path)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", mark)


def test_a_mark_of_one_picture_is_none_of_the_other(shop: Shop) -> None:
    link = shop.link()["id"]
    marks = {shop.client.get(f"/v1/links/{link}/{file}").headers["ETag"] for file in FILES}
    marks |= {shop.client.get(f"/v1/links/{shop.link()['id']}/{file}").headers["ETag"] for file in FILES}
    assert len(marks) == 4


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("size=63", "/size"), ("size=2049", "/size"), ("size=big", "/size"), ("size=", "/size"), ("size=1.5", "/size"),
        ("size=100&size=200", "/size"), ("margin=-1", "/margin"), ("margin=17", "/margin"), ("error=X", "/error"),
        ("error=", "/error"), ("color=red", "/color"), ("color=%23ffff", "/color"), ("background=", "/background"),
        ("color=fff", "/color"), ("color=777777&background=888888", "/color"), ("color=000&background=111", "/color"),
        ("colour=000", "/colour"), ("size=" + "9" * 5000, "/size"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("file", FILES)
def test_what_cannot_be_is_refused_with_its_name(shop: Shop, file: str, query: str, pointer: str) -> None:
    answer = shop.client.get(f"/v1/links/{shop.link()['id']}/{file}?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize("query", ["size=64&margin=0", "size=2048&margin=16&error=H", "color=%231a2b3c&background=fff"])
def test_what_can_be_is_drawn(shop: Shop, query: str) -> None:
    path = f"/v1/links/{shop.link()['id']}"
    assert picture(shop.client.get(f"{path}/qr.png?{query}"))
    assert shop.client.get(f"{path}/qr.svg?{query}").status_code == 200


def test_a_png_too_small_for_its_code_is_refused_with_the_least_size(shop: Shop) -> None:
    path = f"/v1/links/{shop.link()['id']}"
    answer = shop.client.get(f"{path}/qr.png?size=64&margin=16&error=H")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/size"
    least = int("".join(filter(str.isdigit, answer.json["errors"][0]["detail"])))
    assert picture(shop.client.get(f"{path}/qr.png?size={least}&margin=16&error=H")).size == (least, least)
    assert shop.client.get(f"{path}/qr.svg?size=64&margin=16&error=H").status_code == 200, "lines have no pixels"


@pytest.mark.parametrize("file", [*FILES, "poster.png", "wxacode.png"])
def test_a_link_that_leads_nowhere_is_not_printed(shop: Shop, file: str) -> None:
    deleted, expiring = shop.link()["id"], shop.link(expires_at="2100-01-01T00:00:00Z")["id"]
    assert shop.client.delete(f"/v1/links/{deleted}").status_code == 204
    answer = shop.client.get(f"/v1/links/{deleted}/{file}")
    assert (answer.status_code, answer.json["code"]) == (410, "link_ended")
    shop.client.patch(f"/v1/links/{expiring}", {"expires_at": (now() - timedelta(seconds=1)).isoformat()})
    assert shop.client.get(f"/v1/links/{expiring}/{file}").status_code == 410


@pytest.mark.parametrize("file", [*FILES, "poster.png"])
def test_a_member_gets_the_pictures_of_his_own_links_only(shop: Shop, file: str) -> None:
    ada, _ = shop.member("ada"), shop.member("bob")
    mine, other = shop.link()["id"], shop.link("bob")["id"]
    own = ada.get(f"/v1/me/links/{mine}/{file}")
    assert own.status_code == 200
    assert own.data == shop.client.get(f"/v1/links/{mine}/{file}").data
    assert ada.get(f"/v1/me/links/{other}/{file}").status_code == 404
    assert ada.get(f"/v1/links/{mine}/{file}").status_code == 403
    assert shop.client.get(f"/v1/me/links/{mine}/{file}").status_code == 403
    assert ada.get(f"/v1/me/links/{mine}/{file}", headers={"If-None-Match": own.headers["ETag"]}).status_code == 304


def test_a_picture_is_opened_by_others_too(shop: Shop) -> None:
    """Not only by the library that wrote it: the signature and the size stand where PNG has them."""
    data: bytes = shop.client.get(f"/v1/links/{shop.link()['id']}/qr.png?size=300").data
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]) == int.from_bytes(data[20:24]) == 300
    assert Image.open(BytesIO(data)).mode == "P"
