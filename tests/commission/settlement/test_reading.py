"""What is shown of a run, to whom, and its export."""

import csv
import io
import zipfile
from typing import Any

import pytest

from core.db import execute, transaction
from tests.clients import TestProgram
from tests.commission.settlement.runs import approved, office_of, prepare
from tests.factories import seed_payees

_STEPS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/settlements", {"as_of": "2026-01-31T00:00:00Z"}),
    ("POST", "/v1/settlements/{id}/approve", {"digest": "0" * 64}),
    ("POST", "/v1/settlements/{id}/execute", None),
    ("POST", "/v1/settlements/{id}/cancel", None),
    ("POST", "/v1/settlements/{id}/exclusions", {"payout_ids": ["pay_" + "0" * 26], "reason": "No."}),
]
_READS = ["/v1/settlements/{id}", "/v1/settlements/{id}/payouts", "/v1/settlements/{id}/export"]


@pytest.mark.parametrize(("method", "path", "body"), _STEPS)
def test_only_finance_and_owners_of_the_program_move_a_run(
    program: TestProgram, other_program: TestProgram, method: str, path: str, body: Any
) -> None:
    run = prepare(program, office_of(program).maker)
    path = path.format(id=run["id"])
    assert program.anonymous.call(method, path, body).status_code == 401
    assert program.client.call(method, path, body).status_code == 403  # an API key never approves or executes
    for role in ("viewer", "operator"):
        assert program.staff(role).call(method, path, body).status_code == 403
    if "{" not in path and run["id"] in path:
        assert other_program.staff("owner").call(method, path, body).status_code == 404
    assert program.client.get(f"/v1/settlements/{run['id']}").json["status"] == "draft"


@pytest.mark.parametrize("path", [*_READS, "/v1/settlements", "/v1/finance/summary"])
def test_reading_needs_a_credential_of_the_program(program: TestProgram, other_program: TestProgram, path: str) -> None:
    seed_payees(program, [1000])
    run = prepare(program, office_of(program).maker)
    path = path.format(id=run["id"])
    assert program.anonymous.get(path).status_code == 401
    assert program.client.get(path).status_code == 200
    assert program.staff("viewer").get(path).status_code == 200
    theirs = other_program.client.get(path)
    if run["id"] in path:
        assert theirs.status_code == 404
    else:
        assert run["id"] not in theirs.text


def test_unknown_runs_are_not_found(program: TestProgram) -> None:
    for ref in ("stl_" + "0" * 26, "ext:x", "mem_" + "0" * 26, "nonsense"):
        assert program.client.get(f"/v1/settlements/{ref}").status_code == 404


def test_runs_are_listed_newest_first(program: TestProgram) -> None:
    office = office_of(program)
    seed_payees(program, [1000])
    first = approved(program, office)
    ids = [first["id"]] + [prepare(program, office.maker)["id"] for _ in range(2)]
    page = program.client.get("/v1/settlements?limit=2").json
    assert [one["id"] for one in page["data"]] == [ids[2], ids[1]]
    rest = program.client.get(f"/v1/settlements?limit=2&cursor={page['next_cursor']}").json
    assert ([one["id"] for one in rest["data"]], rest["next_cursor"]) == ([ids[0]], None)
    assert [one["id"] for one in program.client.get("/v1/settlements?status=approved").json["data"]] == [ids[0]]
    assert program.client.get("/v1/settlements?status=lost").status_code == 422


def test_the_payouts_of_a_run(program: TestProgram) -> None:
    office = office_of(program)
    seed_payees(program, [1000, 2000, 3000])
    run = prepare(program, office.maker)
    seed_payees(program, [9000], prefix="other")
    prepare(program, office.maker)
    path = f"/v1/settlements/{run['id']}/payouts"
    page = program.client.get(f"{path}?limit=2").json
    rest = program.client.get(f"{path}?limit=2&cursor={page['next_cursor']}").json
    assert sorted(one["amount"] for one in page["data"] + rest["data"]) == [1000, 2000, 3000]
    assert {one["settlement_id"] for one in page["data"]} == {run["id"]}
    assert len(program.client.get(f"{path}?status=requested").json["data"]) == 3
    assert program.client.get(f"{path}?status=paid").json["data"] == []


def _exported(program: TestProgram, run: dict[str, Any], kind: str) -> bytes:
    answer = program.client.get(f"/v1/settlements/{run['id']}/export?format={kind}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{run["id"]}.{kind}"'
    return answer.data


def test_the_export_as_csv(program: TestProgram) -> None:
    members = seed_payees(program, [1000, 2000])
    with transaction(program.id):
        execute(
            "UPDATE members SET name = '=cmd|x' WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=members[0]
        )
    run = prepare(program, office_of(program).maker)
    rows = list(csv.DictReader(io.StringIO(_exported(program, run, "csv").decode("utf-8-sig"))))
    assert [(row["gross"], row["net"], row["currency"], row["status"]) for row in rows] == [
        ("1000", "1000", "GBP", "requested"),
        ("2000", "2000", "GBP", "requested"),
    ]
    assert [row["member_external_id"] for row in rows] == ["m-0", "m-1"]
    assert rows[0]["member_name"] == "'=cmd|x"
    assert "acct-" not in rows[0]["account"]
    assert rows[0]["account"]


def test_the_export_as_spreadsheet_has_no_formulas(program: TestProgram) -> None:
    members = seed_payees(program, [1000])
    with transaction(program.id):
        execute(
            "UPDATE members SET name = '=1+1' WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=members[0]
        )
    run = prepare(program, office_of(program).maker)
    with zipfile.ZipFile(io.BytesIO(_exported(program, run, "xlsx"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=1+1</t>" in sheet
    assert "<v>1000</v>" in sheet
