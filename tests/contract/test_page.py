"""The page at /docs: everything on it, nothing loaded from anywhere."""

import base64
import hashlib
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse


@pytest.fixture
def page(app: Flask) -> TestResponse:
    return app.test_client().get("/docs")


def test_it_shows_every_operation_field_and_refusal(page: TestResponse, openapi: dict[str, Any]) -> None:
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    text = unescape(page.text)
    for path, operations in openapi["paths"].items():
        assert path in text
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in text
            assert operation["summary"] in text
    for name, schema in openapi["components"]["schemas"].items():
        assert f'id="shape-{name}"' in text
        assert all(field in text for field in schema["properties"])
    for code in ("idempotency_key_reused", "sign_in_refused", "already_exists"):
        assert code in text


def test_it_loads_nothing_and_runs_only_its_own_script(page: TestResponse) -> None:
    assert re.findall(r'(?:src|href)="(?!#|/openapi\.json)[^"]*"', page.text) == []
    assert "@import" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", page.text, flags=re.DOTALL)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_every_link_on_it_leads_somewhere(page: TestResponse) -> None:
    targets = set(re.findall(r'id="([^"]+)"', page.text))
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= targets


def test_what_is_written_in_a_declaration_cannot_break_the_page(page: TestResponse) -> None:
    assert "<script>alert" not in page.text
    assert page.text.count("<script>") == 1
