"""The rows of clicks and of their days. Callers hold the transaction and the program's turn.

What clicks have in common is sent once a batch, as sorts of clicks; a click itself is five values of a fixed size.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from core.bulk import number_array, text_array
from core.db import execute, fetch_all, scalar
from core.packed import PackedBytes, PackedDays, PackedIds, PackedInstants, PackedNumbers
from coupons.clicks.judging import COUNTED, DAY, KINDS, Clicks, Counted, Pair, instant_of
from coupons.clicks.records import Static

_LINK_BYTES = 16
_PAIR_BYTES = 24
_KEY_BYTES = 28


class Sort(NamedTuple):
    """What many clicks of a batch have in common."""

    static: Static
    by_api: bool
    kind: int
    is_unique: bool


def insert_clicks(program_id: UUID, clicks: Clicks, numbers: Sequence[int], sorts: dict[int, Sort]) -> None:
    """Insert them all. `numbers`: of each one's sort.

    Raises:
        psycopg.errors.UniqueViolation: one of them is there already.
    """
    statics = [sort.static for sort in sorts.values()]
    execute(
        """INSERT INTO clicks (program_id, id, clicked_at, link_id, member_id, visitor_key, address_hash, agent_hash,
             via, kind, is_unique, campaign_id, channel, group_id, content_id, session_id, sub_ids)
           SELECT %(program_id)s, c.id, c.clicked_at, s.link_id, s.member_id, c.visitor_key, c.address_hash,
             c.agent_hash, s.via, s.kind, s.is_unique, s.campaign_id, s.channel, s.group_id, s.content_id,
             s.session_id, s.sub_ids::text[]
           FROM unnest(%(ids)s, %(at)s, %(visitors)s, %(addresses)s, %(agents)s, %(numbers)s)
                AS c (id, clicked_at, visitor_key, address_hash, agent_hash, number)
           JOIN unnest(%(sorts)s::int[], %(links)s::uuid[], %(members)s::uuid[], %(vias)s::text[], %(kinds)s::text[],
                       %(unique)s::bool[], %(campaigns)s::text[], %(channels)s::text[], %(groups)s::text[],
                       %(contents)s::text[], %(sessions)s::text[], %(sub_ids)s::text[])
                AS s (number, link_id, member_id, via, kind, is_unique, campaign_id, channel, group_id, content_id,
                      session_id, sub_ids) ON s.number = c.number""",
        program_id=program_id,
        ids=PackedIds(clicks.ids), at=PackedInstants(clicks.at),
        visitors=PackedBytes([pair[_LINK_BYTES:] for pair in clicks.pairs]),
        addresses=PackedBytes(clicks.address_hashes), agents=PackedBytes(clicks.agent_hashes),
        numbers=PackedNumbers(numbers),
        sorts=number_array(list(sorts)),
        links=text_array([static.link_id.hex for static in statics]),
        members=text_array([static.member_id.hex for static in statics]),
        vias=text_array(["api" if sort.by_api else "redirect" for sort in sorts.values()]),
        kinds=text_array([KINDS[sort.kind] for sort in sorts.values()]),
        unique=text_array(["t" if sort.is_unique else "f" for sort in sorts.values()]),
        campaigns=text_array([static.campaign_id for static in statics]),
        channels=text_array([static.channel for static in statics]),
        groups=text_array([static.group_id for static in statics]),
        contents=text_array([static.content_id for static in statics]),
        sessions=text_array([static.session_id for static in statics]),
        sub_ids=text_array([text_array(static.sub_ids) if static.sub_ids else "{}" for static in statics]),
    )  # fmt: skip


def known_among(program_id: UUID, clicks: Clicks) -> set[bytes]:
    """The ids of those that are stored already."""
    ids = scalar(
        """SELECT string_agg(uuid_send(c.id), '')
           FROM unnest(%(ids)s, %(at)s) AS asked (id, clicked_at)
           JOIN clicks c ON c.program_id = %(program_id)s AND c.id = asked.id AND c.clicked_at = asked.clicked_at""",
        program_id=program_id, ids=PackedIds(clicks.ids), at=PackedInstants(clicks.at),
    )  # fmt: skip
    return _pieces(ids, 16)


def claim_days(program_id: UUID, firsts: dict[bytes, int]) -> list[int]:
    """Note the days on which visitors clicked links, given as `first_of_days` finds them; the places of those that are
    the first of theirs.
    """
    if not firsts:
        return []
    keys = sorted(firsts)
    claimed = scalar(
        """WITH claimed AS (
             INSERT INTO click_days (program_id, link_id, visitor_key, day)
             SELECT %(program_id)s, link_id, visitor_key, day
             FROM unnest(%(links)s, %(visitors)s, %(days)s) AS given (link_id, visitor_key, day)
             ON CONFLICT DO NOTHING RETURNING link_id, visitor_key, day)
           SELECT string_agg(uuid_send(link_id) || visitor_key || date_send(day), '') FROM claimed""",
        program_id=program_id, links=PackedIds([key[:_LINK_BYTES] for key in keys]),
        visitors=PackedBytes([key[_LINK_BYTES:_PAIR_BYTES] for key in keys]),
        days=PackedDays([key[_PAIR_BYTES:] for key in keys]),
    )  # fmt: skip
    if claimed is not None and len(claimed) == len(keys) * _KEY_BYTES:  # all
        return list(firsts.values())
    return [firsts[key] for key in _pieces(claimed, _KEY_BYTES)]


def _pieces(joined: bytes | None, size: int) -> set[bytes]:
    return {joined[at : at + size] for at in range(0, len(joined), size)} if joined else set()


class _Counted(NamedTuple):
    """A counted click near one that is to be judged."""

    link_id: UUID
    visitor_key: bytes
    at: int


def counted_around(program_id: UUID, clicks: Clicks, seconds: int) -> Counted:
    """When the visitors of these clicks were counted on the same links, as far as `seconds` before and after."""
    times: dict[Pair, list[int]] = {}
    for pair, at, kind in zip(clicks.pairs, clicks.at, clicks.kinds, strict=True):
        if kind == COUNTED:
            times.setdefault(pair, []).append(at)
    if not times:
        return {}
    around = 1000 * seconds
    rows = fetch_all(
        _Counted,
        """SELECT c.link_id, c.visitor_key, (extract(epoch FROM c.clicked_at) * 1000)::bigint
           FROM unnest(%(links)s, %(visitors)s, %(since)s, %(until)s) AS asked (link_id, visitor_key, since, until)
           CROSS JOIN LATERAL (
             SELECT link_id, visitor_key, clicked_at FROM clicks
             WHERE program_id = %(program_id)s AND visitor_key = asked.visitor_key AND link_id = asked.link_id
               AND clicked_at > asked.since AND clicked_at < asked.until AND kind = 'counted') c
           ORDER BY c.clicked_at""",
        program_id=program_id, links=PackedIds([pair[:_LINK_BYTES] for pair in times]),
        visitors=PackedBytes([pair[_LINK_BYTES:] for pair in times]),
        since=PackedInstants([of_pair[0] - around for of_pair in times.values()]),
        until=PackedInstants([of_pair[-1] + around for of_pair in times.values()]),
    )  # fmt: skip
    found: Counted = {}
    for row in rows:
        found.setdefault(row.link_id.bytes + row.visitor_key, []).append(row.at)
    return found


def months_of(ids: Iterable[bytes]) -> set[date]:
    """The months whose partitions the clicks with these ids may need, whatever the program's time zone is."""
    days = {int.from_bytes(one[:6], "big") // DAY for one in ids}
    around = {instant_of((day + offset) * DAY).date() for day in days for offset in (-1, 0, 1)}
    return {day.replace(day=1) for day in around}
