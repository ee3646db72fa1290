"""What coupons tell the event log: made, claimed, nearly gone and gone, each once."""

from threading import Thread

import pytest
from flask import Flask

from core.db import transaction
from core.events.reading import number_events
from core.ids import ExternalRef
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from coupons.vouchers import gathered_claims, supply
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import make_code, make_coupon
from tests.coupons.vouchers.test_gathered_claims import claiming
from tests.coupons.vouchers.using import id_of, place
from tests.factories import seed_members
from tests.jobs import run_jobs
from tests.referral.statements import counted_statements
from tests.telling import facts_of, forget, kinds_of, plain_id, told
from tests.threads import together


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def follow(program: TestProgram) -> None:
    """What worker and scheduler do within a second or two."""
    with transaction(program.id):
        number_events(program.id)
    publish_where_due(program.id, [SCHEDULES["coupons.follow_claims"]])
    run_jobs(program.id)


def claim(program: TestProgram, coupon: dict[str, str], *customers: str) -> list[dict[str, str]]:
    answers = [
        program.client.post(f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": customer})
        for customer in customers
    ]
    return [answer.json for answer in answers]  # type: ignore[misc]


def test_a_coupon_is_told_when_it_is_made(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator)
    assert [(event.kind, event.facts) for event in told(program)] == [
        ("coupon.created", {"coupon_id": plain_id(coupon["id"])})
    ]


def test_claims_are_told_and_refused_ones_are_not(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2, per_customer_limit=1)
    (ann,) = (str(one) for one in seed_members(program))
    forget(program)
    claim(program, coupon, "m-0", "m-0", "new", "late")
    assert kinds_of(program) == ["coupon.claimed", "member.created", "coupon.claimed"]
    first, second = facts_of(program, "coupon.claimed")
    assert set(first) == {"coupon_id", "member_id", "code_id"}
    assert (first["coupon_id"], first["member_id"]) == (plain_id(coupon["id"]), ann)
    assert second["member_id"] == facts_of(program, "member.created")[0]["member_id"]


def test_a_gathered_set_is_told_in_one_statement(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=100)
    seed_members(program, 20)
    forget(program)
    with counted_statements() as statements:
        answers = gathered_claims._claim_together(
            (program.id, id_of(coupon)), [ExternalRef(f"m-{n}") for n in range(20)]
        )
    assert len([one for one in statements if "INTO events" in str(one)]) == 1
    assert [one["code_id"] for one in facts_of(program)] == [str(one.id) for one in answers if hasattr(one, "id")]
    assert len(facts_of(program)) == 20


def test_a_coupon_is_told_once_when_a_tenth_is_left_and_once_when_it_is_gone(
    program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=20)
    for count in range(21):
        claim(program, coupon, f"c{count}")
        follow(program)
    coupon_id = plain_id(coupon["id"])
    scarce = [(event.kind, event.facts) for event in told(program, "coupon.low", "coupon.exhausted")]
    assert scarce == [
        ("coupon.low", {"coupon_id": coupon_id, "left": 2}), ("coupon.exhausted", {"coupon_id": coupon_id}),
    ]  # fmt: skip


def test_many_who_take_the_last_at_once_are_told_of_once(
    wide_app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=64)
    members = seed_members(program, 80)
    together(wide_app, *[lambda n=n: claiming(program, id_of(coupon), members[n * 10 : n * 10 + 10]) for n in range(8)])
    claimed = facts_of(program, "coupon.claimed")
    assert len(claimed) == 64

    def look() -> None:
        with wide_app.app_context(), transaction(program.id):
            supply.tell_scarce(program.id)

    other = Thread(target=look)
    with transaction(program.id):
        supply.tell_scarce(program.id)
        other.start()  # he sees nobody who has told, and waits for the key
        other.join(0.5)
        assert other.is_alive()
    other.join()
    assert kinds_of(program).count("coupon.exhausted") == 1
    assert kinds_of(program).count("coupon.low") == 0


def test_what_orders_use_up_is_noticed_by_the_sweep(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    make_code(operator, coupon, code="LAST")
    assert not supply_due(program)
    place(program, "o1", ["LAST"])
    assert supply_due(program)
    publish_where_due(program.id, [SCHEDULES["coupons.tell_scarce"]])
    run_jobs(program.id)
    assert facts_of(program, "coupon.exhausted") == [{"coupon_id": plain_id(coupon["id"])}]
    assert not supply_due(program)


def supply_due(program: TestProgram) -> bool:
    with transaction(program.id, read_only=True):
        return supply.any_untold(program.id)


def test_a_larger_quantity_is_told_anew(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    claim(program, coupon, "a")
    follow(program)
    assert operator.patch(f"/v1/coupons/{coupon['id']}", {"total_quantity": 2}).status_code == 200
    follow(program)
    claim(program, coupon, "b")
    follow(program)
    assert kinds_of(program).count("coupon.exhausted") == 2


def test_what_ended_is_no_warning(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    claim(program, coupon, "a")
    operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"})
    follow(program)
    assert kinds_of(program).count("coupon.exhausted") == 0
