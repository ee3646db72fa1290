"""What links tell the event log: each new one once."""

from tests.clients import TestProgram
from tests.coupons.links.links import batch, body, join, make
from tests.referral.statements import counted_statements
from tests.telling import facts_of, forget, plain_id, told


def test_new_links_are_told_with_whose_they_are(program: TestProgram) -> None:
    (ada,) = join(program.client, "ada")
    forget(program)
    link = make(program.client)
    assert [(event.kind, event.facts) for event in told(program)] == [
        ("link.created", {"link_id": plain_id(link["id"]), "member_id": plain_id(ada)})
    ]


def test_a_batch_tells_what_is_new_in_one_statement(program: TestProgram) -> None:
    join(program.client, "ada")
    forget(program)
    code = f"own-{program.id.hex[-12:]}"
    items = [body(code=code), body(), body(code=code), body(member_external_id="nobody")]
    with counted_statements() as statements:
        results = batch(program.client, *items)
    assert len([one for one in statements if "INTO events" in str(one)]) == 1
    made = [plain_id(one["id"]) for one in results if one["status"] == "created"]
    assert [one["link_id"] for one in facts_of(program)] == made
    assert len(made) == 2
    batch(program.client, body(code=code))
    assert len(facts_of(program)) == 2
