"""The stats answer of a link with 5 million clicks over a year, and the nightly work on them."""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from flask import Flask

from bench.environment import measured_app, timed
from core.auth import keys
from core.clock import frozen_at, now
from core.db import transaction
from core.ids import new_id, public_id
from core.programs.service import create_program
from coupons.clicks import partitions
from coupons.traffic.service import Change, Riding, SaleDelta, Sums, count_now, count_sales
from coupons.traffic.tasks import fold

CLICKS = int(os.environ.get("BENCH_CLICKS", "5000000"))
DAYS = 365
OTHER_LINKS = 200  # as busy in rows, so that the link has to be found among others
GOAL_MS = 50
_HOURS = DAYS * 24

_RAW: LiteralString = """
    INSERT INTO clicks (program_id, id, clicked_at, link_id, member_id, visitor_key, address_hash, agent_hash, via,
                        kind, is_unique, sub_ids)
    SELECT %(program)s, gen_random_uuid(), %(since)s::timestamptz + n * (%(span)s::interval / %(clicks)s), %(link)s,
           %(member)s, int8send(n), '', '', 'redirect', 'counted', true, '{}'
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n"""
_CHUNK = 250_000


def run() -> None:
    """Print the milliseconds of every cut of the answer, and the seconds of a night."""
    with measured_app() as bench:
        measure(bench.app, bench.owner_url, CLICKS)


def measure(app: Flask, owner_url: str, clicks: int) -> float:
    """Fill a program of its own and measure it; the link's slowest answer in milliseconds, each the median of ten."""
    with transaction():
        program_id = create_program("bench", "CNY", "Asia/Shanghai")
        _, key = keys.create_key(program_id, name="bench")
    link_id = _make_link(owner_url, program_id)
    print(
        f"  filled {clicks:,} clicks of a year in {timed(lambda: _fill(owner_url, program_id, link_id, clicks)):.0f} s"
    )
    slowest = _measure_answers(app, key, link_id)
    _measure_night(program_id)
    return slowest


def _make_link(owner_url: str, program_id: UUID) -> UUID:
    link_id, member_id = new_id(), new_id()
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            """INSERT INTO members (program_id, id, external_id, attributes, grade, status, enrolment, invite_code,
                                    joined_at, created_at, updated_at)
               VALUES (%s, %s, 'seller', '{}', 'standard', 'active', 'none', 'i', now(), now(), now())""",
            (program_id, member_id),
        )
        connection.execute(
            """INSERT INTO links (program_id, id, code, request_hash, member_id, destination_url, sub_ids,
                                  created_by_kind, created_at, updated_at)
               VALUES (%s, %s, 'bench', '', %s, 'https://shop.example/', '{}', 'key', now(), now())""",
            (program_id, link_id, member_id),
        )
    return link_id


def _fill(owner_url: str, program_id: UUID, link_id: UUID, clicks: int) -> None:
    since = _beginning()
    _fill_raw(owner_url, program_id, link_id, clicks, since)
    each = clicks // _HOURS
    ours = Riding(link_id, new_id(), "campaign", "channel", "group", None, None)
    others = [ours._replace(link_id=new_id(), member_id=new_id()) for _ in range(OTHER_LINKS)]
    for day in range(DAYS):
        begin = since + timedelta(days=day)
        hours = [begin + timedelta(hours=hour) for hour in range(24)]
        changes = [Change(hour, begin.date(), ours, Sums(each, each // 2, each // 50, 1, 5000, 500)) for hour in hours]
        changes += [Change(hours[n % 24], begin.date(), riding, Sums(3, 2)) for n, riding in enumerate(others)]
        with transaction(program_id):
            count_now(program_id, changes)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE traffic_hours, traffic_days")


def _beginning() -> datetime:
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today.astimezone(UTC) - timedelta(days=DAYS - 1)


def _fill_raw(owner_url: str, program_id: UUID, link_id: UUID, clicks: int, since: datetime) -> None:
    with transaction():
        partitions.ensure_months((since + timedelta(days=day)).date().replace(day=1) for day in range(0, DAYS + 1, 5))
    values: dict[str, Any] = {"program": program_id, "link": link_id, "member": new_id(), "since": since}
    values |= {"span": timedelta(days=DAYS - 1), "clicks": clicks}
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for first in range(0, clicks, _CHUNK):
            connection.execute(_RAW, values | {"first": first, "last": min(first + _CHUNK, clicks) - 1})


def _measure_answers(app: Flask, key: str, link_id: UUID) -> float:
    client = app.test_client()
    headers = {"Authorization": f"Bearer {key}"}
    today = now().date()
    year, month = today - timedelta(days=DAYS - 2), today - timedelta(days=30)
    path = f"/v1/links/{public_id('lnk', link_id)}/stats"
    asked = {
        "a year by day": f"{path}?from={year}&interval=day",
        "a year by month": f"{path}?from={year}&interval=month",
        "31 days by hour": f"{path}?from={month}&interval=hour",
        f"{OTHER_LINKS + 1} links of 30 days": "/v1/stats?group_by=link",
        f"{OTHER_LINKS + 1} links of a year": f"/v1/stats?group_by=link&from={year}",
    }
    slowest = 0.0
    for name, url in asked.items():
        milliseconds = _median_ms(lambda url=url: client.get(url, headers=headers))  # type: ignore[misc]
        of_link = url.startswith(path)
        slowest = max(slowest, milliseconds if of_link else 0.0)
        print(f"  {name:24} {milliseconds:6.1f} ms" + (f"  (goal: under {GOAL_MS})" if of_link else ""))
    return slowest


def _median_ms(ask: Callable[[], Any]) -> float:
    times = []
    for _ in range(10):
        started = time.perf_counter()
        answer = ask()
        times.append(1000 * (time.perf_counter() - started))
        if answer.status_code != 200:
            raise RuntimeError(answer.text)
    return statistics.median(times)


def _measure_night(program_id: UUID) -> None:
    """A month of raw clicks goes; the partitions ahead are made; a day's late sales are folded."""
    soon = now() + timedelta(days=62)
    with frozen_at(soon):
        made = timed(lambda: _in_transaction(partitions.make_ahead))
        print(f"  partitions of two months made in {1000 * made:.0f} ms")
        dropped = timed(lambda: _in_transaction(lambda: partitions.drop_old(400)))
        print(f"  partitions past 400 days dropped in {1000 * dropped:.0f} ms")
    late = [
        SaleDelta(soon - timedelta(minutes=n), new_id(), None, None, None, None, None, None, 1, 100, 10)
        for n in range(5_000)
    ]
    with transaction(program_id):
        count_sales(program_id, late)
    with transaction(program_id):
        print(f"  {len(late):,} late sales folded in {1000 * timed(lambda: fold(program_id)):.0f} ms")


def _in_transaction(work: Callable[[], object]) -> None:
    with transaction():
        work()
