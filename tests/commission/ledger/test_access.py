"""Who may do what with the ledger: nobody without a credential, no program with another's, no role beyond its own."""

import pytest

from core.auth import keys
from core.db import transaction
from tests.clients import ApiClient, TestProgram
from tests.commission.ledger.entries import accrued, post_now
from tests.factories import member_ref, seed_members

MEMBER, ADJUSTMENT, AUDIT = "{member}", "{adjustment}", "{audit}"

READS = [
    "/v1/ledger/trial-balance",
    "/v1/ledger/transactions",
    f"/v1/ledger/audits/{AUDIT}",
    "/v1/periods",
    "/v1/adjustments",
    f"/v1/adjustments/{ADJUSTMENT}",
    f"/v1/members/{MEMBER}/balance",
    f"/v1/members/{MEMBER}/statement",
]
OWN = ["/v1/me/balance", "/v1/me/statement"]
WRITES = [
    ("/v1/ledger/audits", None),
    ("/v1/periods/2020-01/close", None),
    ("/v1/adjustments", {"member_id": MEMBER, "amount": 5, "reason": "goodwill"}),
    (f"/v1/adjustments/{ADJUSTMENT}/approve", None),
    (f"/v1/adjustments/{ADJUSTMENT}/reject", {"reason": "no"}),
]


class Books:
    """A program's books with one of everything in them."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        (member,) = seed_members(program)
        post_now(program, [accrued(member, 5)])
        self.finance = program.staff("finance")
        self.member = member_ref(member)
        asked = self.finance.post("/v1/adjustments", {"member_id": self.member, "amount": 5, "reason": "goodwill"})
        self.adjustment = asked.json["id"]
        self.audit = self.finance.post("/v1/ledger/audits").json["id"]

    def name(self, text: str) -> str:
        return text.format(member=self.member, adjustment=self.adjustment, audit=self.audit)

    def send(self, client: ApiClient, path: str, body: dict[str, object] | None) -> int:
        named = body and {key: self.name(value) if isinstance(value, str) else value for key, value in body.items()}
        return client.post(self.name(path), named).status_code


@pytest.fixture
def books(program: TestProgram) -> Books:
    return Books(program)


def test_the_anonymous_are_refused(books: Books) -> None:
    anonymous = books.program.anonymous
    for path in READS + OWN:
        assert anonymous.get(books.name(path)).status_code == 401, path
    for path, body in WRITES:
        assert books.send(anonymous, path, body) == 401, path


def test_everybody_of_the_shop_reads(books: Books) -> None:
    readers = [books.program.client, *[books.program.staff(role) for role in ("viewer", "operator", "owner")]]
    for path in READS:
        assert [reader.get(books.name(path)).status_code for reader in readers] == [200] * 4, path
        assert readers[0].get(OWN[0]).status_code == 403


def test_only_finance_and_owners_write(books: Books) -> None:
    others = [books.program.client, books.program.staff("viewer"), books.program.staff("operator")]
    for path, body in WRITES:
        assert [books.send(other, path, body) for other in others] == [403] * 3, path
    owner = books.program.staff("owner")
    assert [books.send(owner, path, body) for path, body in WRITES] == [202, 200, 201, 200, 409]


def test_a_key_without_the_scope_reads_nothing(books: Books) -> None:
    with transaction(books.program.id):
        _, key = keys.create_key(books.program.id, name="narrow", scopes=["members:read"])
    narrow = ApiClient(books.program.app, key)
    for path in READS:
        assert narrow.get(books.name(path)).status_code == 403, path


def test_a_member_sees_his_own_money_and_no_books(books: Books) -> None:
    mine = books.program.member(books.member)
    assert [mine.get(path).status_code for path in OWN] == [200, 200]
    for path in READS:
        assert mine.get(books.name(path)).status_code == 403, path
    for path, body in WRITES:
        assert books.send(mine, path, body) == 403, path


def test_another_programs_books_are_not_found(books: Books, other_program: TestProgram) -> None:
    stranger = other_program.staff("owner")
    for path in READS:
        if "{" in path:
            assert stranger.get(books.name(path)).status_code == 404, path
    for path, body in WRITES:
        if "{" in path:
            assert books.send(stranger, path, body) == 404, path
    assert books.send(stranger, *WRITES[2]) == 422
    assert stranger.get("/v1/ledger/transactions").json["data"] == []
    assert stranger.get("/v1/adjustments").json["data"] == []
    assert stranger.get("/v1/ledger/trial-balance").json["accounts"] == []
    assert stranger.get(f"/v1/ledger/transactions?member_id={books.member}").status_code == 404


@pytest.mark.parametrize("path", ["/v1/adjustments/{}", "/v1/ledger/audits/{}"])
@pytest.mark.parametrize(
    "ref", ["ext:1", "adj_1", "aud_1", "mem_0000000000000000000000000z", "adj_0000000000000000000000000z"]
)
def test_what_is_not_there_is_not_found(program: TestProgram, path: str, ref: str) -> None:
    assert program.client.get(path.format(ref)).status_code == 404
