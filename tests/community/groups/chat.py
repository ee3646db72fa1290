"""A chat platform played on this machine: what bots send arrives here, and answers as a test says."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Said(NamedTuple):
    """One message that arrived."""

    chat: str
    text: str


class PlayedChat:
    """As Telegram answers: `said` holds what arrived, in order; `refuse` and `throttle` are its moods.

    `files` are pictures that it serves beside.
    """

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.moods: list[tuple[int, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.before_answer: Callable[[], None] = lambda: None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def forget(self) -> None:
        self.said.clear()
        self.moods.clear()
        self.files.clear()
        self.before_answer = lambda: None

    def refuse(self, times: int = 1, description: str = "Forbidden: bot was kicked from the group chat") -> None:
        """Refuse the next calls."""
        self.moods += [(403, {"ok": False, "error_code": 403, "description": description})] * times

    def throttle(self, seconds: int) -> None:
        """Be too busy for the next call."""
        self.moods.append((429, {"ok": False, "error_code": 429, "parameters": {"retry_after": seconds}}))

    def texts(self, chat: str) -> list[str]:
        """What was said in a chat."""
        return [one.text for one in self.said if one.chat == chat]


def _handler_of(chat: PlayedChat) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = chat.files.get(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked has seen enough
                self.wfile.write(found or b"")

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chat.before_answer()
            status, answer = chat.moods.pop(0) if chat.moods else (200, {"ok": True, "result": {"message_id": 1}})
            if answer["ok"]:
                chat.said.append(Said(str(given["chat_id"]), given["text"]))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Silent."""

    return Handler
