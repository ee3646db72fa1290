"""The pure rules: which state may follow which, keys, waits, resends, digests."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission.payouts.rails.protocol import Failed, NotFound, Paid, Processing, Returned, Throttled, Unknown
from commission.payouts.rules import (
    GIVEN_UP,
    RESERVED,
    TRANSITIONS,
    Sent,
    Status,
    charges_of,
    combined_digest,
    key_of,
    may_resend,
    next_check_at,
    parse_key,
    request_hash,
    sources_of,
    usable_from,
)
from commission.payouts.verdicts import is_contradiction, verdict_on

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWERS = [
    Paid("r"), Processing("r"), Processing("r", "act"), Failed("f"), Returned("b"), Unknown("u"),
    Unknown("key_conflict"), Unknown("contradictory_amount"), NotFound(), Throttled(AT),
]  # fmt: skip

# written down a second time on purpose: from → every state that may follow
ALLOWED = {
    "requested": "approved rejected canceled unknown",
    "approved": "queued canceled unknown",
    "queued": "submitting canceled paid failed unknown",
    "submitting": "queued processing awaiting_payee unknown paid failed",
    "processing": "awaiting_payee unknown paid failed",
    "awaiting_payee": "processing unknown paid failed",
    "unknown": "processing awaiting_payee paid failed",
    "paid": "returned",
    "failed": "queued unknown",
    "returned": "",
    "canceled": "",
    "rejected": "",
}


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_the_table_of_transitions(before, after):
    assert (after in TRANSITIONS[before]) is (after.value in ALLOWED[before.value].split())
    assert (before in sources_of(after)) is (after in TRANSITIONS[before])


def test_every_state_either_holds_the_reserve_or_has_ended():
    assert {status for status in Status if status not in RESERVED} == GIVEN_UP | {Status.PAID, Status.RETURNED}


def test_money_that_may_have_moved_is_never_given_back_without_the_rails_word():
    """Nothing leads from the rail's hands to a state in which the member could spend the money a second time."""
    for status in (Status.SUBMITTING, Status.PROCESSING, Status.AWAITING_PAYEE, Status.UNKNOWN):
        for answer in ANSWERS:
            verdict = verdict_on(answer, status)
            if verdict is not None and verdict.status in GIVEN_UP:
                assert isinstance(answer, Failed)


@pytest.mark.parametrize(("status", "answer"), list(product(Status, ANSWERS)))
def test_an_answer_asks_only_for_steps_that_the_table_allows(status, answer):
    verdict = verdict_on(answer, status)
    if verdict is None:
        return
    through_paid = verdict.status is Status.RETURNED and Status.PAID in TRANSITIONS[status]
    assert verdict.status in TRANSITIONS[status] or through_paid


@pytest.mark.parametrize(
    ("status", "answer", "follows"),
    [
        (Status.SUBMITTING, Paid("r"), Status.PAID),
        (Status.SUBMITTING, Processing("r"), Status.PROCESSING),
        (Status.SUBMITTING, Processing("r", "a"), Status.AWAITING_PAYEE),
        (Status.SUBMITTING, Failed("f"), Status.FAILED),
        (Status.SUBMITTING, Returned("b"), Status.RETURNED),
        (Status.SUBMITTING, Unknown("timed_out"), Status.UNKNOWN),
        (Status.SUBMITTING, Throttled(AT), Status.QUEUED),
        (Status.UNKNOWN, Paid("r"), Status.PAID),
        (Status.UNKNOWN, NotFound(), None),
        (Status.UNKNOWN, Unknown("timed_out"), None),
        (Status.UNKNOWN, Throttled(AT), None),
        (Status.PROCESSING, Processing("r"), None),
        (Status.PROCESSING, Processing("r", "a"), Status.AWAITING_PAYEE),
        (Status.PROCESSING, NotFound(), Status.UNKNOWN),
        (Status.PROCESSING, Unknown("timed_out"), None),
        (Status.PROCESSING, Unknown("key_conflict"), Status.UNKNOWN),
        (Status.PROCESSING, Unknown("contradictory_amount"), Status.UNKNOWN),
        (Status.PAID, Returned("b"), Status.RETURNED),
        (Status.PAID, Failed("f"), None),
        (Status.PAID, NotFound(), None),
        (Status.FAILED, Paid("r"), None),
        (Status.RETURNED, Paid("r"), None),
        (Status.CANCELED, Paid("r"), None),
    ],
)
def test_what_an_answer_means(status, answer, follows):
    verdict = verdict_on(answer, status)
    assert (verdict and verdict.status) == follows


def test_a_rail_that_takes_back_its_word_is_noticed():
    assert is_contradiction(Paid("r"), Status.FAILED)
    assert is_contradiction(Failed("f"), Status.PAID)
    assert not is_contradiction(Returned("b"), Status.PAID)
    assert not is_contradiction(Paid("r"), Status.PAID)
    assert not is_contradiction(Unknown("u"), Status.PAID)
    assert not is_contradiction(Failed("f"), Status.UNKNOWN)


@given(st.uuids(), st.integers(1, 9999))
def test_a_key_is_32_letters_and_digits_and_names_its_attempt(payout_id, attempt):
    key = key_of(payout_id, attempt)
    assert len(key) == 32
    assert key.isalnum()
    assert key.isascii()
    assert parse_key(key) == (payout_id, attempt)
    assert key == key_of(payout_id, attempt)


@pytest.mark.parametrize(
    "key", ["", "K1", "bn" + "0" * 29, "xx" + "0" * 30, "bn" + "u" * 26 + "0001", "bn" + "z" * 26 + "0001"]
)
def test_keys_of_others_are_not_taken_for_ours(key):
    assert parse_key(key) is None


@given(st.lists(st.text(max_size=6), max_size=4), st.lists(st.text(max_size=6), max_size=4))
def test_a_request_hash_tells_its_parts_apart(one, other):
    assert (request_hash(one) == request_hash(other)) is (one == other)


def test_a_digest_covers_exactly_its_payouts_whatever_their_order():
    a, b, c = sorted(uuid4() for _ in range(3))
    assert combined_digest({a: "1", b: "2"}) == combined_digest({b: "2", a: "1"})
    assert combined_digest({a: "1"}) == "1"
    seen = {combined_digest(one) for one in ({a: "1", b: "2"}, {a: "2", b: "1"}, {a: "1", b: "2", c: "3"}, {a: "1"})}
    assert len(seen) == 4


def test_the_first_method_is_usable_at_once_and_a_later_one_after_the_freeze():
    assert usable_from(AT, 24, first=True) == AT
    assert usable_from(AT, 24, first=False) == AT + timedelta(hours=24)


@given(st.integers(1, 10**15))
def test_charges_make_up_the_amount(amount):
    charges = charges_of(amount, "sandbox")
    assert charges.tax + charges.fee + charges.net == amount
    assert charges.net > 0


def test_an_open_payout_is_looked_at_for_ever_and_at_most_an_hour_apart():
    for status in (Status.UNKNOWN, Status.PROCESSING, Status.AWAITING_PAYEE):
        waits = [next_check_at(status, asked, AT) - AT for asked in range(50)]
        assert waits == sorted(waits)
        assert waits[0] == timedelta(seconds=2)
        assert waits[-1] == timedelta(hours=1)


def test_a_paid_payout_is_watched_for_a_month_at_most():
    moments = [next_check_at(Status.PAID, asked, AT) for asked in range(30)]
    watched = [moment - AT for moment in moments if moment]
    assert timedelta(days=20) < sum(watched, timedelta()) < timedelta(days=31)
    assert moments[len(watched) :] == [None] * (30 - len(watched))


@pytest.mark.parametrize("status", [Status.FAILED, Status.RETURNED, Status.CANCELED, Status.REJECTED, Status.REQUESTED])
def test_nobody_looks_at_what_has_ended_or_waits_for_a_person(status):
    assert next_check_at(status, 0, AT) is None


@pytest.mark.parametrize(
    ("waited", "age_days", "acknowledged", "window", "may"),
    [
        (23, 0, False, None, True),
        (22, 0, False, None, False),
        (23, 0, True, None, False),
        (60, 6, False, 7, True),
        (60, 7, False, 7, False),
        (60, 400, False, None, True),
    ],
)
def test_when_the_same_order_goes_out_again(waited, age_days, acknowledged, window, may):
    at = AT + timedelta(days=age_days, seconds=waited)
    sent = Sent(at - timedelta(seconds=waited), at - timedelta(days=age_days, seconds=waited), acknowledged)
    assert may_resend(sent, timedelta(seconds=23), window, at) is may


def test_ids_sort_like_their_keys():
    ids = sorted(UUID(int=n << 90) for n in range(50))
    assert [key_of(one, 1) for one in ids] == sorted(key_of(one, 1) for one in ids)
