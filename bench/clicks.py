"""What a click costs from its segment to the sums: CPU seconds a million, of the shipper and of PostgreSQL."""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from bench.environment import measured_app, peak_memory_mib
from core.clock import now
from core.db import scalar, transaction
from core.ids import new_id
from core.programs.service import create_program
from coupons.clicks.records import ClickRecord, encode
from coupons.clicks.segments import SegmentWriter
from coupons.clicks.shipper import Shipper

CLICKS = int(os.environ.get("BENCH_CLICKS", "200000"))
LINKS, VISITORS, AGENTS = 500, 100_000, 300
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """CPU seconds so far."""

    shipper: float
    postgres: float

    def since(self, before: "Cost") -> "Cost":
        return Cost(self.shipper - before.shipper, self.postgres - before.postgres)


def run() -> None:
    """Print the CPU seconds a million clicks cost, and how many are shipped in a second."""
    with measured_app():
        with transaction():
            program_id = create_program("bench", "CNY", "Asia/Shanghai")
        folder = Path(tempfile.mkdtemp(prefix="banyan-clicks-"))
        try:
            print_cost(program_id, folder, CLICKS)
        finally:
            shutil.rmtree(folder)


def print_cost(program_id: UUID, folder: Path, clicks: int) -> None:
    """Ship a folder full of clicks in this process."""
    size = _write(folder, program_id, clicks)
    shipper, before, started = Shipper(folder, 400), _cost(), time.perf_counter()
    while shipper.turn():
        pass
    seconds, cost = time.perf_counter() - started, _cost().since(before)
    with transaction(program_id):
        stored = scalar("SELECT count(*) FROM clicks WHERE program_id = %(p)s", p=program_id)
        summed = scalar(
            """SELECT sum(clicks + bot_clicks) FROM traffic_days
               WHERE program_id = %(p)s AND dimension = 'program'""",
            p=program_id,
        )
    million = 1_000_000 / clicks
    print(f"  {stored:,} clicks of {clicks:,} stored, {summed:,} summed, {size / clicks:.0f} bytes each in the segment")
    print(
        f"  {clicks / seconds:,.0f} clicks/s; CPU seconds a million: shipper {cost.shipper * million:.1f}, "
        f"PostgreSQL {cost.postgres * million:.1f}, together {sum(cost) * million:.1f}; "
        f"peak memory {peak_memory_mib()} MiB"
    )


def _write(folder: Path, program_id: UUID, clicks: int) -> int:
    writer = SegmentWriter(folder)
    size = 0
    for record in _records(program_id, clicks):
        frame = encode(record)
        writer.append(frame)
        size += len(frame)
    writer.close()
    return size


def _records(program_id: UUID, clicks: int) -> Iterator[ClickRecord]:
    """Clicks of the last hour: most visitors once, some links much more than others, one in fifty a bot."""
    chance = random.Random(3)  # noqa: S311 -- the same clicks in every run
    links = [(new_id(), new_id()) for _ in range(LINKS)]
    begin = round(now().timestamp() * 1000) - 3_600_000
    for n in range(clicks):
        link_id, member_id = links[min(chance.randrange(LINKS), chance.randrange(LINKS))]
        bot = n % 50 == 0
        at = begin + 3_600_000 * n // clicks
        yield ClickRecord(
            program_id=program_id, id=UUID(int=at << 80 | 7 << 76 | chance.getrandbits(76)),
            link_id=link_id, member_id=member_id, visitor_key=chance.randrange(VISITORS).to_bytes(8, "big"),
            address_hash=chance.randbytes(8), user_agent=_agent(chance.randrange(AGENTS), bot=bot), via="redirect",
            prefetch=False, campaign_id=f"campaign-{link_id.int % 7}", channel=f"channel-{link_id.int % 5}",
            group_id=f"group-{link_id.int % 97}", content_id=None, session_id=None, sub_ids=(),
        )  # fmt: skip


def _agent(number: int, *, bot: bool) -> str:
    who = "compatible; Googlebot/2.1" if bot else "Linux; Android 13"
    return f"Mozilla/5.0 ({who}; {number}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"


def _cost() -> Cost:
    own = os.times()
    return Cost(own.user + own.system, sum(map(cpu_seconds, _servers())))


def _servers() -> list[int]:
    """The processes of this measurement's PostgreSQL."""
    mine = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    parents = {pid: fields for pid in mine if (fields := _stat(pid)) is not None}
    postmasters = {
        pid for pid, (name, parent, *_) in parents.items() if name == "postgres" and int(parent) == os.getpid()
    }
    return [pid for pid, (_, parent, *_) in parents.items() if pid in postmasters or int(parent) in postmasters]


def _stat(pid: int) -> list[str] | None:
    """Name, parent, then the fields after it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    head, _, tail = text.rpartition(")")
    return [head.partition("(")[2], *tail.split()[1:]]


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far; 0 when it is gone."""
    fields = _stat(pid)
    return 0.0 if fields is None else sum(map(int, fields[10 + 1 : 14 + 1])) / _TICKS
