"""A server that plays webhooks, WeCom and Telegram for tests of delivery: it keeps a book and does as it is told.

Limits and signatures are the matter of the platforms' own server; here each chat has a script of what to do next.
"""

import threading
import time
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson


class Posted(NamedTuple):
    """One post as it arrived. `key`: the webhook-id."""

    chat: str
    text: str
    markdown: str | None
    key: str | None
    at: float


class Chats:
    """The server. `scripts[chat]`: what to do with the next posts, one after another: refuse, throttle, fail (500
    after taking it), lose (take it and hang up), hold (answer when `released` is set); otherwise it is taken."""

    def __init__(self) -> None:
        self.book: list[Posted] = []
        self.refused: list[Posted] = []
        self.scripts: dict[str, deque[str]] = defaultdict(deque)
        self.released = threading.Event()
        self.seconds = 0.0  # that every answer takes
        self._lock = threading.Lock()
        chats = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None: ...

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                posted = read(self.path, body, self.headers.get("webhook-id"))
                status, answer = chats.answer(posted)
                if status == 0:
                    self.close_connection = True
                    return
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after", "2")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, posted: Posted) -> tuple[int, bytes]:
        """What the post's chat does with it; status 0: hangs up."""
        with self._lock:
            script = self.scripts[posted.chat]
            act = script.popleft() if script else "take"
            (self.refused if act in {"refuse", "throttle"} else self.book).append(posted)
        if self.seconds:
            time.sleep(self.seconds)
        if act == "hold":
            self.released.wait(30)
        status = {"refuse": 404, "throttle": 429, "fail": 500, "lose": 0}.get(act, 200)
        ok = b'{"errcode": 0, "ok": true, "result": {"message_id": 7}}'
        return status, ok if status == 200 else b"{}"

    def texts(self, chat: str) -> list[str]:
        """What was said in a chat, in order."""
        return [one.text for one in self.book if one.chat == chat]


def read(path: str, body: bytes, key: str | None) -> Posted:
    """A post, of whatever platform."""
    parts, told = urlsplit(path), orjson.loads(body)
    platform = parts.path.split("/")[1]
    if platform == "webhook":
        data = told["data"]
        return Posted(parts.path.split("/")[2], data["text"], data["markdown"], key, time.monotonic())
    if platform == "wecom":
        text = told.get("text") or told.get("markdown") or told.get("markdown_v2") or {}
        return Posted(parse_qs(parts.query)["key"][0], text.get("content", ""), None, None, time.monotonic())
    return Posted(told["chat_id"], told["text"], None, None, time.monotonic())
