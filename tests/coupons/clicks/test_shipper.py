"""The shipper: what lies in segments arrives, once, whatever dies, is damaged, refused or away meanwhile."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import orjson
import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from core.clock import now
from core.ids import new_id
from core.servers.processes import wait_until
from coupons.clicks.backlog import backlog_of
from coupons.clicks.places import keep_place, place_in
from coupons.clicks.records import ClickRecord, encode
from coupons.clicks.segments import SegmentWriter, bytes_behind, segments_in
from coupons.clicks.shipper import Shipper, only_shipper
from tests.clients import ApiClient, TestProgram, make_program
from tests.coupons.clicks.dying import ship_and_die
from tests.coupons.clicks.making import agree, click, stored_clicks

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clicks"


@pytest.fixture
def shipper(program: TestProgram, folder: Path) -> Shipper:
    return Shipper(folder, 400)


def write(folder: Path, records: list[ClickRecord], *, close: bool = True) -> SegmentWriter:
    writer = SegmentWriter(folder)
    for record in records:
        writer.append(encode(record))
    if close:
        writer.close()
    return writer


def work(shipper: Shipper) -> None:
    while shipper.turn():
        pass


def records_of(program: TestProgram, count: int) -> list[ClickRecord]:
    return [click(program.id, now() - timedelta(seconds=count - n), n % 10) for n in range(count)]


def test_a_segment_is_shipped_while_it_grows_and_deleted_when_it_is_finished(
    program: TestProgram, shipper: Shipper, folder: Path
) -> None:
    first, second = records_of(program, 3), records_of(program, 2)
    writer = write(folder, first, close=False)
    work(shipper)
    assert stored_clicks(program.id).keys() == {one.id for one in first}
    (segment,) = segments_in(folder)
    for record in second:
        writer.append(encode(record))
    assert backlog_of(folder).bytes > 0
    work(shipper)
    assert len(stored_clicks(program.id)) == 5
    assert segments_in(folder) == [segment]
    writer.close()
    work(shipper)
    assert list(folder.iterdir()) == []
    agree(program.id)


def test_segments_of_several_processes_are_shipped_together(
    program: TestProgram, shipper: Shipper, folder: Path
) -> None:
    records = records_of(program, 90)
    writers = [write(folder, records[n::3], close=False) for n in range(3)]
    work(shipper)
    assert len(stored_clicks(program.id)) == 90
    assert len(segments_in(folder)) == 3
    for writer in writers:
        writer.close()
    work(shipper)
    assert segments_in(folder) == []


@pytest.mark.parametrize("place", ["lost", "nonsense", "far behind"])
def test_a_place_is_only_an_optimisation(program: TestProgram, folder: Path, place: str) -> None:
    writer = write(folder, records_of(program, 20), close=False)
    work(Shipper(folder, 400))
    (segment,) = segments_in(folder)
    known = place_in(segment)
    assert bytes_behind(segment, 0) > bytes_behind(segment, known) == 0
    if place == "lost":
        segment.with_suffix(".pos").unlink()
    elif place == "nonsense":
        segment.with_suffix(".pos").write_text("")
    else:
        keep_place(segment, 17)
    writer.close()
    work(Shipper(folder, 400))
    assert len(stored_clicks(program.id)) == 20
    assert segments_in(folder) == []
    agree(program.id)


def test_a_new_shipper_begins_where_the_old_one_ended(program: TestProgram, folder: Path) -> None:
    writer = write(folder, records_of(program, 5), close=False)
    work(Shipper(folder, 400))
    (segment,) = segments_in(folder)
    before = segment.read_bytes()
    segment.write_bytes(b"\0" * len(before))  # whoever reads this again sees damage
    work(Shipper(folder, 400))
    assert not segment.with_suffix(".bad").exists()
    writer.close()


def test_a_finished_segment_goes_while_others_are_busy(program: TestProgram, shipper: Shipper, folder: Path) -> None:
    write(folder, records_of(program, 2))
    (finished,) = segments_in(folder)
    busy = write(folder, [], close=False)
    for record in records_of(program, 3):  # in every turn there is something to ship
        busy.append(encode(record))
        assert shipper.turn()
    assert finished not in segments_in(folder)
    busy.close()


def test_where_no_place_can_be_kept_shipping_goes_on(program: TestProgram, shipper: Shipper, folder: Path) -> None:
    records = records_of(program, 4)
    writer = write(folder, records[:2], close=False)
    (segment,) = segments_in(folder)
    segment.with_suffix(".pos").mkdir()  # as good as a full disk
    work(shipper)
    writer.append(encode(records[2]))
    work(shipper)
    assert len(stored_clicks(program.id)) == 3
    segment.with_suffix(".pos").rmdir()
    writer.close()
    work(shipper)
    assert segments_in(folder) == []


def test_damage_is_passed_over_and_kept_aside(program: TestProgram, shipper: Shipper, folder: Path) -> None:
    records = records_of(program, 6)
    frames = [encode(record) for record in records]
    flipped = bytearray(frames[1])
    flipped[-3] ^= 1
    folder.mkdir()
    torn = frames[5][:40]
    segment = folder / "a.seg"
    segment.write_bytes(frames[0] + bytes(flipped) + frames[2] + b"noise" + frames[3] + b"bCk1" + frames[4] + torn)
    work(shipper)
    assert stored_clicks(program.id).keys() == {records[n].id for n in (0, 2, 3, 4)}
    assert list(folder.glob("*.seg")) == []
    assert segment.with_suffix(".bad").read_bytes() == bytes(flipped) + b"noise" + b"bCk1" + torn.rstrip(b"\0")


def test_what_postgresql_refuses_is_put_aside_and_blocks_nothing(
    program: TestProgram, shipper: Shipper, folder: Path
) -> None:
    records = records_of(program, 40)
    records[7] = records[7]._replace(channel="nul\0")
    records[8] = records[8]._replace(program_id=new_id())
    records[9] = click(program.id, now() + timedelta(days=3))
    records[10] = click(program.id, now() - timedelta(days=500))
    write(folder, records)
    work(shipper)
    refused = {7, 8, 9, 10}
    assert stored_clicks(program.id).keys() == {one.id for n, one in enumerate(records) if n not in refused}
    aside = {path.stem: orjson.loads(path.read_bytes()) for path in (folder / "rejected").glob("*.json")}
    assert aside.keys() == {str(records[n].id) for n in refused}
    assert aside[str(records[7].id)]["channel"] == "nul\0"
    assert aside[str(records[7].id)]["visitor_key"] == records[7].visitor_key.hex()
    assert all(one["reason"] for one in aside.values())
    agree(program.id)


def test_killed_before_any_step_the_next_one_ends_with_the_same_sums(program: TestProgram, folder: Path) -> None:
    records = records_of(program, 30)
    write(folder, records)
    step = 1
    while ship_and_die(folder, step):  # each dies one step later than the one before, and the last one not at all
        step += 1
        agree(program.id)
        assert stored_clicks(program.id).keys() in (set(), {one.id for one in records})
    assert step > 8
    assert len(stored_clicks(program.id)) == 30
    assert list(folder.iterdir()) == []


def test_a_program_that_dies_between_two_programs_counts_each_once(program: TestProgram, folder: Path) -> None:
    other = make_program(program.app)
    records = [click((program, other)[n % 2].id, now(), n) for n in range(20)]
    write(folder, records)
    step = 1
    while ship_and_die(folder, step):
        step += 1
    for one in (program, other):
        assert len(stored_clicks(one.id)) == 10
        agree(one.id)


def test_two_shippers_on_one_folder_change_nothing(program: TestProgram, app: Flask, folder: Path) -> None:
    """The lock keeps the second waiting; were it not there, nothing would be counted twice all the same."""
    records = records_of(program, 300)
    write(folder, records)
    copies = [folder.with_name(f"copy{n}") for n in range(3)]
    for copy in copies:
        copy.mkdir()
        for segment in segments_in(folder):
            (copy / segment.name).write_bytes(segment.read_bytes())

    def run(copy: Path) -> None:
        with app.app_context():
            work(Shipper(copy, 400))

    threads = [Thread(target=run, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored_clicks(program.id)) == 300
    agree(program.id)


def test_the_second_shipper_waits_for_the_first(folder: Path) -> None:
    entered: list[float] = []

    def second() -> None:
        with only_shipper(folder):
            entered.append(time.monotonic())

    with only_shipper(folder):
        thread = Thread(target=second)
        thread.start()
        time.sleep(0.4)
        assert entered == []
    thread.join(5)
    assert len(entered) == 1


@pytest.fixture
def process(app: Flask, database_environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """The real one, at work."""
    environment = os.environ | database_environment | {"LOG_LEVEL": "error"}
    running = subprocess.Popen([sys.executable, "-m", "coupons.clicks.shipper"], cwd=ROOT, env=environment)
    lock = app.config["SETTINGS"].clicks_dir / "shipper.lock"
    assert wait_until(lambda: is_held(lock), 60)
    yield running
    running.kill()
    running.wait()


def is_held(lock: Path) -> bool:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_the_process_ships_within_five_seconds_and_stops_when_told(
    program: TestProgram, app: Flask, process: "subprocess.Popen[bytes]"
) -> None:
    folder = app.config["SETTINGS"].clicks_dir
    writer = write(folder, records_of(program, 1), close=False)
    assert wait_until(lambda: len(stored_clicks(program.id)) == 1, 30)  # it has started
    for record in records_of(program, 3):
        writer.append(encode(record))
    assert wait_until(lambda: len(stored_clicks(program.id)) == 4, 5)
    writer.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_redirects_come_first(process: "subprocess.Popen[bytes]") -> None:
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 19)


def test_a_shipper_hurries_only_while_plenty_waits(
    program: TestProgram, shipper: Shipper, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coupons.clicks import shipper as module

    monkeypatch.setattr(module, "PLENTY", 4)
    writer = write(folder, records_of(program, 3), close=False)
    assert not shipper.hurried_turn()
    for record in records_of(program, 4):
        writer.append(encode(record))
    assert shipper.hurried_turn()
    assert len(stored_clicks(program.id)) == 7


def test_while_postgresql_is_away_everything_waits(
    program: TestProgram, app: Flask, database_environment: dict[str, str], folder: Path
) -> None:
    import psycopg
    import sqlalchemy.exc

    write(folder, records_of(program, 3))
    lost = create_app(load(database_environment | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    shipper = Shipper(folder, 400)
    with lost.app_context(), pytest.raises((psycopg.OperationalError, sqlalchemy.exc.OperationalError)):
        shipper.turn()
    assert backlog_of(folder).segments == 1
    with app.app_context():
        work(shipper)
    assert len(stored_clicks(program.id)) == 3


def test_what_waits_shows_in_the_metrics(program: TestProgram, app: Flask, client: ApiClient) -> None:
    folder = app.config["SETTINGS"].clicks_dir
    work(Shipper(folder, 400))
    writer = write(folder, [click(program.id, now() - timedelta(seconds=90))], close=False)
    shown = metrics(client)
    assert shown["banyan_clicks_segments_waiting"] == 1
    assert shown["banyan_clicks_bytes_waiting"] > 50
    assert 89 < shown["banyan_clicks_lag_seconds"] < 100
    assert shown["banyan_clicks_disk_free_bytes"] > 0
    before = shown.get('banyan_clicks_shipped_total{kind="counted"}', 0)
    work(Shipper(folder, 400))
    writer.close()
    shown = metrics(client)
    assert shown["banyan_clicks_bytes_waiting"] == 0
    assert shown["banyan_clicks_lag_seconds"] == 0
    assert shown['banyan_clicks_shipped_total{kind="counted"}'] == before + 1


def metrics(client: ApiClient) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_late_clicks_and_a_full_disk_are_told(
    program: TestProgram, shipper: Shipper, folder: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from coupons.clicks import shipper as module

    monkeypatch.setattr(module, "ENOUGH_BYTES", 1 << 62)
    write(folder, [click(program.id, now() - timedelta(seconds=90))])
    shipper.turn()
    told = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["event"], one["level"]) for one in told] == [
        ("clicks wait", "warning"), ("the disk of the clicks is almost full", "error"),
    ]  # fmt: skip
