"""A program's own texts: written, previewed, versioned, taken back."""

from typing import Any

import pytest
from flask import Flask

from community.notices.topics import LANGUAGES, TOPICS
from core.auth.access import Role
from tests.clients import TestProgram
from tests.community.notices.stage import Stage
from tests.threads import together

PATHS = [
    ("GET", "/v1/notice-templates", None),
    ("GET", "/v1/notice-templates/order/en", None),
    ("PUT", "/v1/notice-templates/order/en", {"text": "x"}),
    ("DELETE", "/v1/notice-templates/order/en", None),
    ("GET", "/v1/notice-templates/order/en/versions", None),
    ("POST", "/v1/notice-templates/preview", {"topic": "order", "language": "en", "text": "x"}),
    ("GET", "/v1/notice-templates/order/mini-program", None),
    ("PUT", "/v1/notice-templates/order/mini-program", {"template_id": "t", "fields": {"thing1": "x"}}),
    ("DELETE", "/v1/notice-templates/order/mini-program", None),
]


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
def test_templates_are_for_staff_and_written_by_operators(
    program: TestProgram, method: str, path: str, body: Any
) -> None:
    assert program.anonymous.call(method, path, body).status_code == 401
    reads = method == "GET"
    for role in (Role.VIEWER, Role.FINANCE):
        assert (program.staff(role).call(method, path, body).status_code == 403) != reads
    assert (program.client.call(method, path, body).status_code == 403) != reads


def test_every_topic_has_a_text_in_every_language(stage: Stage) -> None:
    texts = stage.operator.get("/v1/notice-templates").json["data"]
    assert {(one["topic"], one["language"]) for one in texts} == {(t, lang) for t in TOPICS for lang in LANGUAGES}
    assert all(one["is_default"] and one["text"] and one["version"] is None for one in texts)
    order = next(one for one in texts if one["topic"] == "order")
    assert {"name": "amount", "kind": "amount", "words": [], "fields": []} in order["variables"]


def test_a_text_is_put_in_force_shown_with_its_author_and_taken_back(stage: Stage) -> None:
    path = "/v1/notice-templates/order/en"
    default = stage.operator.get(path).json["text"]
    put = stage.operator.put(path, {"text": "Sold: {{ amount|money }}", "markdown": "**{{ amount|money }}**"})
    assert (put.status_code, put.json["version"], put.json["is_default"]) == (200, 1, False)
    assert put.json["created_by"].startswith("stf_")
    assert stage.operator.get(path).json == put.json
    again = stage.owner.put(path, {"text": "Sold: {{ amount|money }}", "markdown": "**{{ amount|money }}**"})
    assert again.json == put.json
    assert stage.operator.delete(path).status_code == 204
    assert stage.operator.delete(path).status_code == 204
    now = stage.operator.get(path).json
    assert (now["text"], now["is_default"], now["version"]) == (default, True, 2)
    stage.operator.put(path, {"text": "Third"})
    assert stage.operator.get(path).json["version"] == 3


def test_versions_are_kept_and_paged_newest_first(stage: Stage) -> None:
    path = "/v1/notice-templates/order/zh"
    for number in range(3):
        stage.operator.put(path, {"text": f"text {number}"})
    stage.operator.delete(path)
    first = stage.operator.get(f"{path}/versions?limit=2").json
    assert [(one["version"], one["text"]) for one in first["data"]] == [(4, None), (3, "text 2")]
    rest = stage.operator.get(f"{path}/versions?limit=2&cursor={first['next_cursor']}").json
    assert [one["version"] for one in rest["data"]] == [2, 1]
    assert rest["next_cursor"] is None
    for cursor in ("W10", "WyJhIl0", "WzBd", "Wzk5OTk5OTk5OTk5OV0"):
        assert stage.operator.get(f"{path}/versions?cursor={cursor}").status_code == 422


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ ''.__class__ }}", "row of a list"),
        ("{{ nobody }}", "no variable 'nobody'"),
        ("{{ 'a' * 10**9 }}", "Mul is not allowed"),
        ("{% if %}", "Not a template"),
        ("{{ amount > 5 }}", "Cannot be rendered"),  # amounts may be hidden
        ("{{ 'x' > 5 }}", "Cannot be rendered"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(stage: Stage, text: str, said: str) -> None:
    for body, pointer in (({"text": text}, "/text"), ({"text": "x", "markdown": text}, "/markdown")):
        refused = stage.operator.put("/v1/notice-templates/order/en", body)
        assert refused.status_code == 422
        assert refused.json["errors"][0]["pointer"] == pointer
        assert said in refused.json["errors"][0]["detail"]
    preview = {"topic": "order", "language": "en", "text": text}
    assert stage.operator.post("/v1/notice-templates/preview", preview).status_code in {200, 422}
    assert stage.operator.get("/v1/notice-templates/order/en").json["is_default"]


COMPILES_NOT = "{% for loop in top %}{{ loop.rank }}{% endfor %}"
"""Every node of it is allowed; that `loop` names no row is known to the engine only."""


def test_what_is_found_when_a_text_is_compiled_is_refused_as_well(stage: Stage) -> None:
    path, preview = "/v1/notice-templates/board/en", {"topic": "board", "language": "en", "text": COMPILES_NOT}
    fields = {"template_id": "t", "fields": {"thing1": "x", "thing2": COMPILES_NOT}}
    for answer, pointer in (
        (stage.operator.put(path, {"text": COMPILES_NOT}), "/text"),
        (stage.operator.put(path, {"text": "x", "markdown": COMPILES_NOT}), "/markdown"),
        (stage.operator.post("/v1/notice-templates/preview", preview), "/text"),
        (stage.operator.put("/v1/notice-templates/board/mini-program", fields), "/fields/thing2"),
    ):
        assert answer.status_code == 422
        assert [(one["pointer"], one["detail"][:16]) for one in answer.json["errors"]] == [
            (pointer, "Not a template: ")
        ]
    assert stage.operator.get(path).json["is_default"]


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": None}, {"text": 5}, {"text": "x" * 2001}, {"text": "x", "markdown": ""},
     {"text": "x", "html": "x"}, {"text": "\u0000"}],
)  # fmt: skip
def test_bad_bodies_are_refused(stage: Stage, body: Any) -> None:
    assert stage.operator.put("/v1/notice-templates/order/en", body).status_code == 422


def test_unknown_topics_and_languages_are_not_found(stage: Stage) -> None:
    for path in ("nothing/en", "order/fr", "order/en%00", "order/EN"):
        assert stage.operator.get(f"/v1/notice-templates/{path}").status_code == 404
        assert stage.operator.put(f"/v1/notice-templates/{path}", {"text": "x"}).status_code == 404
    assert stage.operator.get("/v1/notice-templates/nothing/mini-program").status_code == 404
    assert stage.operator.get("/v1/notice-templates/order/mini-program").status_code == 404


def test_a_preview_has_sample_data_in_the_programs_currency(stage: Stage) -> None:
    body = {"topic": "commission", "language": "en", "text": "{{ program }}: {{ member }} {{ amount|money }}"}
    shown = stage.operator.post("/v1/notice-templates/preview", body).json
    assert shown["text"] == "Tea House: Ada＿∗［x］ £123.45"
    assert "member" in [one["name"] for one in shown["variables"]]
    hidden = stage.operator.post("/v1/notice-templates/preview", body | {"show_amounts": False}).json
    assert hidden["text"] == "Tea House: Ada＿∗［x］"
    escaped = stage.operator.post("/v1/notice-templates/preview", body | {"text": "{{ 'a.b' }}", "markdown": True}).json
    assert escaped["text"] == "a․b"


def test_another_program_has_its_own_texts(stage: Stage, other_program: TestProgram) -> None:
    stage.put_text("order", "Ours")
    theirs = other_program.staff(Role.OPERATOR).get("/v1/notice-templates/order/en").json
    assert theirs["is_default"]


def test_texts_written_at_once_are_versions_one_after_the_other(app: Flask, stage: Stage) -> None:
    client = stage.operator
    path = "/v1/notice-templates/order/en"
    answers = together(app, *(lambda n=n: client.put(path, {"text": f"text {n}"}) for n in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json["version"] for answer in answers) == [1, 2, 3, 4]


def test_staff_who_write_are_audited(stage: Stage) -> None:
    stage.put_text("order", "Ours")
    stage.operator.delete("/v1/notice-templates/order/en")
    events = stage.owner.get("/v1/audit-events").json["data"]
    assert {"put_template", "delete_template"} <= {one["action"].rpartition(".")[2] for one in events}
