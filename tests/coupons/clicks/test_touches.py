"""Which clicks and links speak for an order: model, window, whose device, and what an order names itself."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.clock import now
from core.db import execute, scalars, transaction
from coupons.clicks.service import Named, Touch, join_visitors, touches_of
from coupons.clicks.tokens import visitor_key_of
from coupons.clicks.touch_queries import MOST_VISITORS
from tests.clients import TestProgram, make_program
from tests.coupons.clicks.clicking import Clicked, clicked, make_link, store, token_of
from tests.factories import seed_members
from tests.referral.statements import counted_statements
from tests.threads import together

PAID = now().replace(microsecond=0)
DAY, MS = timedelta(days=1), timedelta(milliseconds=1)
WINDOW = 30 * DAY
SOMEBODY = UUID(int=7)


@pytest.fixture
def owner(program: TestProgram) -> UUID:
    return seed_members(program, 1, prefix="owner")[0]


@pytest.fixture
def link(program: TestProgram, owner: UUID) -> UUID:
    return make_link(program, owner, f"l-{owner.hex[-12:]}")


def order(
    *, click: str | None = None, link: str | None = None, visitor: str | None = None, customer: UUID | None = None,
    paid_at: datetime = PAID,
) -> Named:  # fmt: skip
    return Named(click, link, visitor, customer, paid_at)


def touches(program: TestProgram, *orders: Named) -> list[list[Touch]]:
    settled = program.now()
    with transaction(program.id, read_only=True):
        return touches_of(settled, orders)


def set_attribution(program: TestProgram, **terms: object) -> None:
    answer = program.staff("owner").patch("/v1/program", {"attribution": terms})
    assert answer.status_code == 200, answer.text


def click_all(program: TestProgram, link: UUID, visitor: str, *ago: timedelta, kind: str = "counted") -> list[Clicked]:
    """One click for each time before payment."""
    clicks = [clicked(program, link, visitor, PAID - each, kind=kind) for each in ago]
    store(program, clicks)
    return clicks


def ids(found: list[Touch]) -> list[UUID | None]:
    return [touch.click_id for touch in found]


@pytest.mark.parametrize(("model", "order_of_days"), [("last", [1, 5, 29]), ("first", [29, 5, 1])])
def test_clicks_stand_in_the_order_of_the_model(
    program: TestProgram, link: UUID, model: str, order_of_days: list[int]
) -> None:
    set_attribution(program, click_model=model)
    clicks = dict(zip((5, 29, 1), click_all(program, link, "v", 5 * DAY, 29 * DAY, DAY), strict=True))
    (found,) = touches(program, order(visitor="v"))
    assert ids(found) == [clicks[days].id for days in order_of_days]
    assert [touch.refused for touch in found] == [None] * 3


def test_a_touch_says_all_about_its_click(program: TestProgram, owner: UUID, link: UUID) -> None:
    (click,) = click_all(program, link, "v", DAY)
    ((touch,),) = touches(program, order(visitor="v"))
    assert (touch.kind, touch.reference, touch.clicked_at) == ("click", token_of(program, click), PAID - DAY)
    assert touch.visitor_key == visitor_key_of(program.id, "v")
    assert touch.link is not None
    assert (touch.link.id, touch.link.member_id, touch.link.sub_ids) == (link, owner, [])


@pytest.mark.parametrize("named", [False, True], ids=["of the visitor", "named"])
@pytest.mark.parametrize(
    ("ago", "refused"),
    [(timedelta(0), None), (MS, None), (WINDOW, None), (WINDOW + MS, "outside_window"), (50 * DAY, "outside_window")],
)
def test_both_ends_of_the_window_count_to_the_millisecond(
    program: TestProgram, link: UUID, ago: timedelta, refused: str | None, *, named: bool
) -> None:
    (click,) = click_all(program, link, "v", ago)
    asked = order(click=token_of(program, click)) if named else order(visitor="v")
    ((touch,),) = touches(program, asked)
    assert (touch.click_id, touch.refused) == (click.id, refused)


def test_the_window_is_the_programs(program: TestProgram, link: UUID) -> None:
    set_attribution(program, click_window_days=2)
    click_all(program, link, "v", 2 * DAY, 2 * DAY + MS)
    (found,) = touches(program, order(visitor="v"))
    assert [touch.refused for touch in found] == [None, "outside_window"]


def test_a_late_order_sees_only_what_was_clicked_before_it_was_paid(program: TestProgram, link: UUID) -> None:
    older, newer = click_all(program, link, "v", 3 * DAY, DAY)
    (found,) = touches(program, order(visitor="v", paid_at=PAID - 2 * DAY))
    assert ids(found) == [older.id]
    ((named,),) = touches(program, order(click=token_of(program, newer), paid_at=PAID - 2 * DAY))
    assert named.refused == "outside_window"


@pytest.mark.parametrize(("model", "kept"), [("last", range(10)), ("first", range(14, 4, -1))])
def test_ten_clicks_and_the_newest_before_the_window_are_enough(
    program: TestProgram, link: UUID, model: str, kept: range
) -> None:
    set_attribution(program, click_model=model)
    clicks = click_all(program, link, "v", *(n * DAY for n in range(15)), 40 * DAY, 35 * DAY, 60 * DAY)
    (found,) = touches(program, order(visitor="v"))
    assert ids(found) == [*(clicks[n].id for n in kept), clicks[16].id]
    assert [touch.refused for touch in found] == [None] * 10 + ["outside_window"]


@pytest.mark.parametrize("kind", ["bot", "prefetch", "repeat"])
def test_what_does_not_count_does_not_speak(program: TestProgram, link: UUID, kind: str) -> None:
    click_all(program, link, "v", DAY, 40 * DAY, kind=kind)
    (counted,) = click_all(program, link, "v", 2 * DAY)
    (found,) = touches(program, order(visitor="v"))
    assert ids(found) == [counted.id]


def test_a_named_repeat_is_evidence_all_the_same(program: TestProgram, link: UUID) -> None:
    (repeat,) = click_all(program, link, "v", DAY, kind="repeat")
    ((touch,),) = touches(program, order(click=token_of(program, repeat)))
    assert (touch.click_id, touch.refused) == (repeat.id, None)


def test_a_named_click_speaks_before_it_is_shipped_and_first(program: TestProgram, owner: UUID, link: UUID) -> None:
    fresh = clicked(program, link, "w", PAID - 20 * DAY)
    (shipped,) = click_all(program, link, "v", DAY)
    (found,) = touches(program, order(click=token_of(program, fresh), visitor="v"))
    assert ids(found) == [fresh.id, shipped.id]
    assert (found[0].clicked_at, found[0].visitor_key) == (fresh.clicked_at, fresh.visitor_key)
    assert found[0].link is not None
    assert found[0].link.member_id == owner


def test_what_rode_on_the_click_stands_before_what_the_link_says(program: TestProgram, owner: UUID, link: UUID) -> None:
    store(program, [clicked(program, link, "v", PAID - DAY)._replace(group_id="g-2", sub_ids=["s"])])
    shipped = clicked(program, link, "w", PAID - DAY)._replace(group_id="g-3", sub_ids=["t"])
    store(program, [shipped])
    with transaction(program.id):
        execute(
            "UPDATE links SET channel = 'web', group_id = 'g-1' WHERE program_id = %(p)s AND id = %(id)s",
            p=program.id, id=link,
        )  # fmt: skip
    fresh = clicked(program, link, "x", PAID - DAY)
    orders = [
        order(visitor="v"), order(click=token_of(program, shipped)), order(click=token_of(program, fresh)),
    ]  # fmt: skip
    code = f"l-{owner.hex[-12:]}"
    for found in (touches(program, *orders, order(link=code)), [touches(program, each)[0] for each in orders]):
        rode = [touch.link and (touch.link.channel, touch.link.group_id, touch.link.sub_ids) for (touch,) in found]
        assert rode[:3] == [(None, "g-2", ["s"]), (None, "g-3", ["t"]), ("web", "g-1", [])]
        assert rode[3:] in ([], [("web", "g-1", [])])


def test_clicks_and_links_are_named_in_one_statement(program: TestProgram, owner: UUID, link: UUID) -> None:
    tokens = [token_of(program, clicked(program, link, str(n), PAID - DAY)) for n in range(50)]
    code = f"l-{owner.hex[-12:]}"
    settled = program.now()
    with transaction(program.id, read_only=True), counted_statements() as seen:
        found = touches_of(settled, [order(click=token, link=code, paid_at=PAID) for token in tokens])
    assert len(seen) == 1, seen
    assert {tuple((touch.kind, touch.link and touch.link.id, touch.refused) for touch in each) for each in found} == {
        (("click", link, None), ("link", link, None))
    }


def test_a_named_click_stands_only_once(program: TestProgram, link: UUID) -> None:
    newer, older = click_all(program, link, "v", DAY, 2 * DAY)
    (found,) = touches(program, order(click=token_of(program, older), visitor="v"))
    assert ids(found) == [older.id, newer.id]


def test_a_forged_click_and_another_programs_are_unknown(program: TestProgram, link: UUID) -> None:
    click = clicked(program, link, "v", PAID - DAY)
    genuine = token_of(program, click)
    forged = genuine[:-1] + ("A" if genuine[-1] != "A" else "B")
    abroad = token_of(make_program(program.app), click)
    of_no_link = token_of(program, click._replace(link_id=SOMEBODY))
    for token in (forged, abroad, of_no_link, "clk_", "☃" * 68, "x"):
        ((touch,),) = touches(program, order(click=token))
        assert touch == Touch("click", token, None, None, None, "unknown", None)


def test_another_programs_links_and_clicks_are_not_seen(program: TestProgram, link: UUID) -> None:
    other = make_program(program.app)
    (stranger,) = seed_members(other)
    abroad = make_link(other, stranger, f"abroad-{stranger.hex[-12:]}")
    click_all(other, abroad, "v", DAY)
    with transaction(other.id):
        join_visitors(other.id, [(visitor_key_of(other.id, "v"), stranger, "order")])
    code = f"abroad-{stranger.hex[-12:]}"
    found = touches(program, order(visitor="v"), order(customer=stranger), order(link=code))
    assert found == [[], [], [Touch("link", code, None, None, None, "unknown", None)]]


@pytest.mark.parametrize(
    ("expires_at", "deleted_at", "refused"),
    [(None, None, None), (PAID + MS, None, None), (PAID, None, "link_ended"), (PAID - DAY, None, "link_ended"),
     (None, PAID + DAY, None), (None, PAID, "link_ended"), (PAID - DAY, PAID + DAY, "link_ended"),
     (PAID + DAY, PAID - DAY, "link_ended")],
)  # fmt: skip
def test_a_named_link_speaks_unless_it_had_ended_by_then(
    program: TestProgram, owner: UUID, expires_at: datetime | None, deleted_at: datetime | None, refused: str | None
) -> None:
    code = f"n-{owner.hex[-12:]}"
    link = make_link(program, owner, code, expires_at=expires_at, deleted_at=deleted_at)
    ((touch,),) = touches(program, order(link=code))
    assert (touch.kind, touch.reference, touch.clicked_at, touch.refused) == ("link", code, None, refused)
    assert touch.link is not None
    assert touch.link.id == link


def test_a_click_outlives_its_link(program: TestProgram, owner: UUID) -> None:
    link = make_link(program, owner, f"e-{owner.hex[-12:]}", expires_at=PAID - DAY, deleted_at=PAID - DAY)
    (click,) = click_all(program, link, "v", 2 * DAY)
    by_visitor, by_name = touches(program, order(visitor="v"), order(click=token_of(program, click)))
    assert by_visitor == by_name
    assert by_visitor[0].refused is None


def test_a_customer_brings_the_clicks_of_all_his_devices(program: TestProgram, link: UUID) -> None:
    (customer,) = seed_members(program)
    phone, tablet = click_all(program, link, "phone", 3 * DAY), click_all(program, link, "tablet", 2 * DAY)
    click_all(program, link, "stranger", DAY)
    join(program, customer, "phone", "tablet")
    (new,) = click_all(program, link, "new", 4 * DAY)
    found, with_new = touches(program, order(customer=customer), order(customer=customer, visitor="new"))
    assert ids(found) == [tablet[0].id, phone[0].id]
    assert ids(with_new) == [tablet[0].id, phone[0].id, new.id]
    # the order's visitor may be known already
    assert touches(program, order(customer=customer, visitor="phone")) == [found]


def test_a_shared_device_speaks_for_everybody_who_used_it(program: TestProgram, link: UUID) -> None:
    people = seed_members(program, 3)
    (click,) = click_all(program, link, "kiosk", DAY)
    for one in people[:2]:
        join(program, one, "kiosk")
    found = touches(program, *(order(customer=one) for one in people))
    assert list(map(ids, found)) == [[click.id], [click.id], []]


def test_the_newest_devices_of_a_customer_who_has_too_many(program: TestProgram, link: UUID) -> None:
    (customer,) = seed_members(program)
    click_all(program, link, "v-0", DAY)
    (newest,) = click_all(program, link, f"v-{MOST_VISITORS}", 2 * DAY)
    join(program, customer, *(f"v-{n}" for n in range(MOST_VISITORS + 1)))
    with transaction(program.id):
        execute(
            """UPDATE visitor_members SET joined_at = joined_at - interval '1 day'
               WHERE program_id = %(p)s AND visitor_key = %(k)s""",
            p=program.id, k=visitor_key_of(program.id, "v-0"),
        )  # fmt: skip
    (found,) = touches(program, order(customer=customer))
    assert ids(found) == [newest.id]


def join(program: TestProgram, member_id: UUID, *visitors: str) -> None:
    with transaction(program.id):
        join_visitors(program.id, [(visitor_key_of(program.id, one), member_id, "order") for one in visitors])


def test_joining_again_changes_nothing_and_rivals_do_not_meet(program: TestProgram) -> None:
    people = seed_members(program, 20)
    joins = [(visitor_key_of(program.id, str(n)), one, "registration") for n, one in enumerate(people)]

    def join_all(backwards: bool) -> None:
        for _ in range(5):
            with transaction(program.id):
                join_visitors(program.id, joins[::-1] * 2 if backwards else joins)

    together(program.app, *[lambda back=back: join_all(back) for back in (True, False) * 3])
    join(program, people[0], "0")
    with transaction(program.id, read_only=True):
        sources = scalars("SELECT source FROM visitor_members WHERE program_id = %(p)s", p=program.id)
    assert sources == ["registration"] * 20


def test_orders_do_not_mix(program: TestProgram, owner: UUID) -> None:
    links = [make_link(program, owner, f"m{n}-{owner.hex[-12:]}") for n in range(30)]
    clicks = [click_all(program, each, f"v-{n}", DAY)[0] for n, each in enumerate(links)]
    found = touches(program, *(order(visitor=f"v-{n}") for n in range(30)), order(), order(visitor="nobody"))
    assert list(map(ids, found)) == [*([click.id] for click in clicks), [], []]


@pytest.mark.parametrize(
    ("named", "statements"),
    [([order()], 0), ([], 0), ([order(customer=SOMEBODY)], 1), ([order(visitor="v")], 1), ([order(link="x")], 1),
     ([order(link="x", customer=SOMEBODY)], 2), ([order(click="clk_")], 0),
     ([order(link=f"x{n}", visitor=f"v{n}", customer=SOMEBODY) for n in range(200)], 2)],
)  # fmt: skip
def test_few_statements_for_any_number_of_orders(program: TestProgram, named: list[Named], statements: int) -> None:
    settled = program.now()
    with transaction(program.id, read_only=True), counted_statements() as seen:
        touches_of(settled, named)
    assert len(seen) == statements, seen


def test_a_time_of_payment_at_the_end_of_the_calendar_is_no_accident(program: TestProgram, link: UUID) -> None:
    click_all(program, link, "v", DAY)
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    none, before = touches(program, order(visitor="v", paid_at=first), order(visitor="v", paid_at=last))
    assert none == []
    assert [touch.refused for touch in before] == ["outside_window"]
    assert touches(program, order(visitor="v", paid_at=first)) == [[]]
