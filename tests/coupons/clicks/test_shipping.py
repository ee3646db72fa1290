"""Shipping: what a click counts as, what it adds to which sums, and that nothing of it ever happens twice."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from core.clock import now
from core.db import execute, json, scalar, transaction
from core.errors import NotFound
from core.ids import new_id
from coupons.clicks.shipping import ship
from tests.clients import TestProgram, make_program
from tests.coupons.clicks.making import (
    CRAWLER,
    LINK,
    MEMBER,
    Sums,
    agree,
    click,
    days_of,
    hours_of,
    stored_clicks,
)
from tests.referral.statements import counted_statements
from tests.threads import together

NOON = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)


def settings(program: TestProgram, **changes: object) -> None:
    with transaction(program.id):
        stored = scalar("SELECT settings FROM program_settings WHERE program_id = %(p)s ORDER BY version", p=program.id)
        version = scalar("SELECT settings_version FROM programs WHERE id = %(p)s", p=program.id) + 1
        execute(
            """INSERT INTO program_settings (program_id, version, settings, created_at)
               VALUES (%(p)s, %(version)s, %(settings)s, %(at)s)""",
            p=program.id, version=version, settings=json(stored | changes), at=now(),
        )  # fmt: skip
        execute("UPDATE programs SET settings_version = %(v)s WHERE id = %(p)s", v=version, p=program.id)


def test_a_click_is_stored_and_counted_in_every_dimension_it_rides_on(program: TestProgram) -> None:
    rides = {"campaign_id": "c", "channel": "ch", "group_id": "g", "content_id": "co", "session_id": "s"}
    one = click(program.id, NOON, sub_ids=("a", 'b"\\,{}'), address_hash=b"12345678", **rides)
    assert ship([one]).kinds == {"counted": 1}
    with transaction(program.id):
        row = scalar(
            "SELECT to_jsonb(c) FROM clicks c WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=one.id
        )
    assert {name: row[name] for name in rides} == rides
    assert row["sub_ids"] == ["a", 'b"\\,{}']
    assert (row["via"], row["kind"], row["is_unique"]) == ("redirect", "counted", True)
    assert row["member_id"] == str(MEMBER)
    assert bytes.fromhex(row["visitor_key"][2:]) == one.visitor_key
    assert len(row["agent_hash"]) == 18
    places = {
        "program": "", "link": str(LINK), "member": str(MEMBER), "campaign": "c", "channel": "ch", "group": "g",
        "content": "co", "session": "s",
    }  # fmt: skip
    once = Sums(1, 1, 0, 0, 0, 0)
    assert hours_of(program.id) == {(*place, NOON.replace(minute=0)): once for place in places.items()}
    assert days_of(program.id) == {(*place, date(2026, 11, 10)): once for place in places.items()}


def test_kinds_are_told_apart_and_only_counted_ones_count(program: TestProgram) -> None:
    records = [
        click(program.id, NOON, 1),
        click(program.id, NOON + timedelta(seconds=1), 1),
        click(program.id, NOON, 2, user_agent=CRAWLER),
        click(program.id, NOON, 3, user_agent=""),
        click(program.id, NOON, 4, prefetch=True),
        click(program.id, NOON, 5, prefetch=True, user_agent=CRAWLER),
        click(program.id, NOON, 6, user_agent="", via="api"),
    ]
    assert ship(records).kinds == {"counted": 3, "bot": 3, "prefetch": 1}
    assert days_of(program.id)["program", "", NOON.date()] == Sums(3, 2, 3, 0, 0, 0)
    agree(program.id)


def test_a_visitor_is_unique_once_a_day_on_each_link_in_the_programs_time_zone(app: object) -> None:
    program = make_program(app, timezone="Asia/Shanghai")  # type: ignore[arg-type]
    evening = datetime(2026, 11, 10, 15, 59, tzinfo=UTC)  # one minute to midnight in Shanghai
    other = new_id()
    with program.app.app_context():
        ship([click(program.id, evening), click(program.id, evening + timedelta(seconds=30))])
        ship([click(program.id, evening + timedelta(minutes=2)), click(program.id, evening, link_id=other)])
        days = days_of(program.id)
        assert days["link", str(LINK), date(2026, 11, 10)][:2] == (2, 1)
        assert days["link", str(LINK), date(2026, 11, 11)][:2] == (1, 1)
        assert days["link", str(other), date(2026, 11, 10)][:2] == (1, 1)
        agree(program.id)


def test_the_first_click_of_the_day_is_the_unique_one(program: TestProgram) -> None:
    late, early = click(program.id, NOON + timedelta(hours=1)), click(program.id, NOON)
    ship([late, early])
    stored = stored_clicks(program.id)
    assert stored[early.id].is_unique
    assert not stored[late.id].is_unique


def test_shipping_again_has_no_effect(program: TestProgram) -> None:
    records = [click(program.id, NOON + timedelta(seconds=n), n % 5) for n in range(20)]
    ship(records)
    before = hours_of(program.id), days_of(program.id), stored_clicks(program.id)
    again = ship(records + records)
    assert (again.new, again.known) == (0, 40)
    assert (hours_of(program.id), days_of(program.id), stored_clicks(program.id)) == before
    agree(program.id)


def test_a_batch_with_old_and_new_records_counts_the_new_ones(program: TestProgram) -> None:
    records = [click(program.id, NOON + timedelta(seconds=n), n % 7) for n in range(30)]
    ship(records[:11])
    assert ship(records).kinds == {"counted": 19}
    assert days_of(program.id)["program", "", NOON.date()][:2] == (30, 7)
    agree(program.id)


@pytest.mark.parametrize("dedupe_seconds", [0, 10])
def test_any_split_among_two_shippers_at_once_gives_the_same_sums(program: TestProgram, dedupe_seconds: int) -> None:
    settings(program, click_dedupe_seconds=dedupe_seconds)
    chance = random.Random(5)  # noqa: S311 -- the same mix every time
    records = [
        click(program.id, NOON + timedelta(seconds=20 * n), chance.randrange(12), link_id=LINK if n % 2 else MEMBER)
        for n in range(300)
    ]

    def shipper(seed: int) -> None:
        mine = records.copy()
        random.Random(seed).shuffle(mine)  # noqa: S311 -- as above
        for start in range(0, len(mine), 37):
            ship(mine[start : start + 37])

    together(program.app, *(lambda seed=seed: shipper(seed) for seed in range(3)))
    pairs = {(one.link_id, one.visitor_key) for one in records}
    assert days_of(program.id)["program", "", NOON.date()] == Sums(300, len(pairs), 0, 0, 0, 0)
    assert stored_clicks(program.id).keys() == {one.id for one in records}
    agree(program.id)


def test_repeats_within_the_window_do_not_count_across_batches_and_midnight(program: TestProgram) -> None:
    settings(program, click_dedupe_seconds=10)
    midnight = datetime(2026, 11, 11, tzinfo=UTC)
    offsets = {-12: "counted", -5: "repeat", -2: "counted", 3: "repeat", 7: "repeat", 8: "counted", 17: "repeat"}
    records = {offset: click(program.id, midnight + timedelta(seconds=offset)) for offset in offsets}
    for batch in ((-12, -5), (-2, 3, 7), (8, 17)):
        ship([records[offset] for offset in batch])
    stored = stored_clicks(program.id)
    assert {offset: stored[one.id].kind for offset, one in records.items()} == offsets
    assert [offset for offset, one in records.items() if stored[one.id].is_unique] == [-12, 8]
    assert days_of(program.id)["link", str(LINK), date(2026, 11, 10)][:2] == (2, 1)
    assert days_of(program.id)["link", str(LINK), date(2026, 11, 11)][:2] == (1, 1)
    agree(program.id)


def test_of_repeats_shipped_at_the_same_moment_one_counts(program: TestProgram) -> None:
    settings(program, click_dedupe_seconds=10)
    visitors = range(200)
    batches = [[click(program.id, NOON + timedelta(seconds=n), visitor) for visitor in visitors] for n in range(3)]
    together(program.app, *(lambda batch=batch: ship(batch) for batch in batches))
    kinds = Counter(one.kind for one in stored_clicks(program.id).values())
    assert kinds == {"counted": 200, "repeat": 400}
    agree(program.id)


def test_a_late_click_is_measured_from_the_counted_ones_on_both_sides(program: TestProgram) -> None:
    settings(program, click_dedupe_seconds=10)
    kinds = {}
    for offset in (0, 40, 20, 25, 35, 30, -10, -9):  # in the order of arrival
        one = click(program.id, NOON + timedelta(seconds=offset))
        ship([one])
        kinds[offset] = stored_clicks(program.id)[one.id].kind
    assert [offset for offset, kind in kinds.items() if kind == "counted"] == [0, 40, 20, 30, -10]
    assert days_of(program.id)["link", str(LINK), NOON.date()][:2] == (5, 1)
    agree(program.id)


def test_several_programs_travel_together_and_stay_apart(program: TestProgram) -> None:
    other = make_program(program.app)
    records = [click((program, other)[n % 2].id, NOON, n) for n in range(9)]
    assert ship(records).kinds == {"counted": 9}
    assert len(stored_clicks(program.id)) == 5
    assert len(stored_clicks(other.id)) == 4
    agree(program.id)
    agree(other.id)


def test_a_month_without_partitions_gets_them(program: TestProgram) -> None:
    far = datetime(2031, 3, 31, 23, 59, 59, tzinfo=UTC)
    settings(program, timezone="Asia/Shanghai")  # the day is in April there
    assert ship([click(program.id, far), click(program.id, NOON)]).kinds == {"counted": 2}
    assert days_of(program.id)["link", str(LINK), date(2031, 4, 1)][:2] == (1, 1)
    agree(program.id)


def test_what_postgresql_refuses_leaves_nothing_behind(program: TestProgram) -> None:
    good, bad = click(program.id, NOON), click(program.id, NOON, campaign_id="nul\0")
    with pytest.raises(psycopg.DataError):
        ship([good, bad])
    assert stored_clicks(program.id) == {}
    assert hours_of(program.id) == {}
    with pytest.raises(NotFound):
        ship([click(new_id(), NOON)])


@pytest.mark.parametrize("dedupe_seconds", [0, 10])
def test_a_batch_takes_the_same_few_statements_whatever_its_size(program: TestProgram, dedupe_seconds: int) -> None:
    settings(program, click_dedupe_seconds=dedupe_seconds)
    ship([click(program.id, NOON)])  # a process reads each version of the settings once
    counts = []
    for size in (3, 300):
        with counted_statements() as seen:
            ship([click(program.id, NOON + timedelta(minutes=size), size * 1000 + n) for n in range(size)])
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 8, seen
