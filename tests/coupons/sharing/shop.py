"""A shop whose member shares links, its picture server, and a look at pictures that came back."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import segno
from PIL import Image

from tests.clients import ApiClient, TestProgram

PRODUCT = {"sku": "TEA", "title": "特级明前西湖龙井茶 250g 礼盒装", "image_url": None, "price": 12990}


class Shop:
    """A program with the member Ada."""

    def __init__(self, program: TestProgram) -> None:
        self.program, self.client = program, program.client
        self.owner = program.staff("owner")
        assert self.client.post("/v1/members", {"external_id": "ada", "name": "Ada Lovelace"}).status_code == 201

    def link(self, member: str = "ada", **content: Any) -> dict[str, Any]:
        body = {"member_external_id": member, "destination_url": "https://shop.example/tea"} | content
        answer = self.client.post("/v1/links", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json  # type: ignore[assignment]
        return made

    def member(self, name: str) -> ApiClient:
        self.client.post("/v1/members", {"external_id": name, "name": name.title()})
        return self.program.member(f"ext:{name}")

    def set_mini_program(self, **changes: Any) -> None:
        body = {"app_id": "wx0123456789abcdef", "app_secret": "0123456789abcdef0123456789abcdef"} | changes
        assert self.owner.put("/v1/mini-program", body).status_code == 200


class Pictures:
    """Answers what a test says, and counts who asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.asked: list[str] = []
        self.on_request: Callable[[], None] = lambda: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.on_request()
                status, kind, body = outer.answers[self.path]
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def tells(self, path: str, body: bytes, kind: str = "image/png", status: int = 200) -> str:
        self.answers[path] = (status, kind, body)
        return self.url + path


def picture(answer: Any) -> Image.Image:
    """The picture of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "image/png"
    opened = Image.open(BytesIO(answer.data), formats=["PNG"])
    opened.load()
    return opened


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def modules_in(image: Image.Image, text: str, error: str = "M") -> tuple[list[list[int]], list[list[int]]]:
    """The modules that the picture shows, read at their middles, and those that the text has."""
    expected = [list(map(int, row)) for row in segno.make(text, error=error, micro=False).matrix]
    grey = image.convert("L")
    left, top, right, bottom = grey.point(lambda light: 255 * (light < 128)).getbbox()  # type: ignore[misc]
    assert right - left == bottom - top
    step = (right - left) // len(expected)
    middles = [left + step * place + step // 2 for place in range(len(expected))]
    shift = top - left
    return [[int(grey.getpixel((x, y + shift)) < 128) for x in middles] for y in middles], expected  # type: ignore[operator]
