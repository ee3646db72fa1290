"""Clicks in segment files: whole or not there, whoever dies in the middle."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import new_id
from coupons.clicks import segments
from coupons.clicks.records import ClickRecord, decode, encode, frames_in
from coupons.clicks.segments import NotWritten, SegmentWriter, bytes_behind, is_finished, read, segments_in

IDS = st.uuids()
TEXTS = st.none() | st.text(st.characters(codec="utf-8"), max_size=40)
RECORDS = st.builds(
    ClickRecord,
    program_id=IDS, id=IDS, link_id=IDS, member_id=IDS,
    visitor_key=st.binary(min_size=8, max_size=8),
    address_hash=st.just(b"") | st.binary(min_size=8, max_size=8),
    user_agent=st.text(st.characters(codec="utf-8"), max_size=300),
    via=st.sampled_from(["redirect", "api"]), prefetch=st.booleans(),
    campaign_id=TEXTS, channel=TEXTS, group_id=TEXTS, content_id=TEXTS, session_id=TEXTS,
    sub_ids=st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=5).map(tuple),
)  # fmt: skip


def record(number: int = 0) -> ClickRecord:
    """A click that can be told by its number."""
    return ClickRecord(
        program_id=UUID(int=1), id=new_id(), link_id=UUID(int=2), member_id=UUID(int=3), visitor_key=b"visitor8",
        address_hash=b"address8", user_agent=f"agent {number}", via="redirect", prefetch=False, campaign_id=None,
        channel="wechat", group_id=None, content_id=None, session_id=None, sub_ids=("a", "b"),
    )  # fmt: skip


def all_of(folder: Path) -> list[ClickRecord]:
    return [one for path in segments_in(folder) for one in read(path, 0, 10**9)[0]]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SegmentWriter]:
    made = SegmentWriter(tmp_path / "clicks")
    yield made
    made.close()


@given(st.lists(RECORDS, max_size=5))
@settings(deadline=None)
def test_every_record_comes_back_as_it_was(records: list[ClickRecord]) -> None:
    buffer = b"".join(map(encode, records))
    assert decode(buffer, 100) == (records, len(buffer))


@given(st.lists(RECORDS, min_size=1, max_size=3), st.data())
def test_a_torn_tail_is_left_and_what_was_before_is_read(records: list[ClickRecord], data: st.DataObject) -> None:
    whole = b"".join(map(encode, records[:-1]))
    last = encode(records[-1])
    cut = data.draw(st.integers(0, len(last) - 1))
    assert decode(whole + last[:cut], 100) == (records[:-1], len(whole))


@given(RECORDS, RECORDS, st.binary(max_size=200))
def test_damage_in_the_middle_is_passed_over(first: ClickRecord, second: ClickRecord, damage: bytes) -> None:
    buffer = encode(first) + damage + encode(second)
    assert decode(buffer, 100) == ([first, second], len(buffer))


def test_a_flipped_bit_costs_one_record() -> None:
    frames = [encode(record(number)) for number in range(3)]
    damaged = bytearray(frames[1])
    damaged[40] ^= 1
    records, used = decode(frames[0] + bytes(damaged) + frames[2], 100)
    assert [one.user_agent for one in records] == ["agent 0", "agent 2"]
    assert used == sum(map(len, frames))


def test_a_reader_goes_on_where_it_was(writer: SegmentWriter, tmp_path: Path) -> None:
    for number in range(5):
        writer.append(encode(record(number)))
    (path,) = segments_in(tmp_path / "clicks")
    first, offset = read(path, 0, 3)
    second, offset = read(path, offset, 3)
    assert [one.user_agent for one in first + second] == [f"agent {number}" for number in range(5)]
    assert read(path, offset, 3) == ([], offset)
    writer.append(encode(record(5)))
    assert [one.user_agent for one in read(path, offset, 3)[0]] == ["agent 5"]


def test_a_segment_is_finished_once_its_writer_let_go_and_all_is_read(writer: SegmentWriter, tmp_path: Path) -> None:
    writer.append(encode(record()))
    (path,) = segments_in(tmp_path / "clicks")
    _, end = read(path, 0, 10)
    assert not is_finished(path, end)
    writer.close()
    assert not is_finished(path, 0)
    assert is_finished(path, end)


def test_a_torn_end_does_not_keep_a_segment_for_ever(writer: SegmentWriter, tmp_path: Path) -> None:
    writer.append(encode(record()))
    writer.close()
    (path,) = segments_in(tmp_path / "clicks")
    with path.open("ab") as file:
        file.write(encode(record())[:-1])
    records, end = read(path, 0, 10)
    assert len(records) == 1
    assert is_finished(path, end)


def test_a_stretch_of_damage_longer_than_a_read_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.seg"
    with path.open("wb") as file:
        file.seek(3 * 4 * 1024 * 1024)
        file.write(encode(record(7)))
    records, end = read(path, 0, 10)
    assert [one.user_agent for one in records] == ["agent 7"]
    assert is_finished(path, end)


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, segment_bytes=1000)
    for number in range(20):
        writer.append(encode(record(number)))
    writer.close()
    paths = segments_in(tmp_path)
    assert len(paths) == 3
    assert [one.user_agent for one in all_of(tmp_path)] == [f"agent {number}" for number in range(20)]
    assert all(is_finished(path, path.stat().st_size) for path in paths)


def test_an_old_segment_is_ended_even_when_nobody_clicks(
    writer: SegmentWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SEGMENT_SECONDS", -1)
    writer.append(encode(record()))
    (path,) = segments_in(tmp_path / "clicks")
    assert not is_finished(path, path.stat().st_size)
    writer.sync()
    assert is_finished(path, path.stat().st_size)


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, segment_bytes=20_000)
    written: list[UUID] = []

    def work() -> None:
        for _ in range(500):
            one = record()
            writer.append(encode(one))
            written.append(one.id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(one.id for one in all_of(tmp_path)) == sorted(written)


WRITER = """
import sys
from pathlib import Path
from coupons.clicks.records import encode
from coupons.clicks.segments import SegmentWriter
from tests.coupons.clicks.test_segments import record
writer = SegmentWriter(Path(sys.argv[1]), segment_bytes=100_000)
number = 0
while True:
    writer.append(encode(record(number)))
    print(number, flush=True)
    number += 1
"""


def test_a_writer_that_is_killed_has_lost_nothing_it_answered(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 2000:
                assert any(not is_finished(path, path.stat().st_size) for path in segments_in(tmp_path))
                process.kill()
                break
        answered = [2000, *map(int, process.stdout.read().split("\n")[:-1])]
    assert process.returncode == -signal.SIGKILL
    kept = [int(one.user_agent.split()[1]) for one in all_of(tmp_path)]
    assert kept == list(range(len(kept)))
    assert answered[-1] + 1 <= len(kept) <= answered[-1] + 2  # the last may have been written and not yet told
    assert all(is_finished(path, path.stat().st_size) for path in segments_in(tmp_path))


def test_a_forked_child_leaves_its_parents_segment_alone(writer: SegmentWriter, tmp_path: Path) -> None:
    writer.append(encode(record(1)))
    child = os.fork()
    if child == 0:
        writer.append(encode(record(2)))
        os._exit(0)
    os.waitpid(child, 0)
    first, second = segments_in(tmp_path / "clicks")
    assert not is_finished(first, first.stat().st_size)
    assert is_finished(second, second.stat().st_size)
    writer.append(encode(record(3)))
    assert sorted(one.user_agent for one in all_of(tmp_path / "clicks")) == ["agent 1", "agent 2", "agent 3"]


ROOM = resource.RLIM_INFINITY


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Lets files be so long and no longer: 0 is a full disk, ROOM an empty one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda longest: resource.setrlimit(resource.RLIMIT_FSIZE, (longest, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_harms_nothing_that_follows(
    tmp_path: Path, full_disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_REFUSED_SECONDS", 0.05)
    kept = [record(number) for number in range(3)]
    writer = SegmentWriter(tmp_path, segment_bytes=sum(len(encode(one)) for one in kept) + 50)
    full_disk(ROOM)
    writer.append(encode(kept[0]))
    full_disk(0)
    for one in kept[1:]:  # its room was there before the disk was full
        writer.append(encode(one))
    for _ in range(20):
        with pytest.raises(NotWritten):
            writer.append(encode(record(99)))
    assert len(segments_in(tmp_path)) == 1
    assert list(tmp_path.glob("*.draft")) == []
    full_disk(ROOM)
    time.sleep(0.1)
    later = record(100)
    writer.append(encode(later))
    writer.close()
    assert all_of(tmp_path) == [*kept, later]


def test_a_full_disk_is_not_asked_for_every_visitor(tmp_path: Path, full_disk: Callable[[int], None]) -> None:
    writer = SegmentWriter(tmp_path)
    full_disk(0)
    with pytest.raises(NotWritten):
        writer.append(encode(record()))
    full_disk(ROOM)
    with pytest.raises(NotWritten, match="large"):
        writer.append(encode(record()))


def test_a_record_longer_than_a_segment_is_refused(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, segment_bytes=100)
    for _ in range(3):
        with pytest.raises(NotWritten):
            writer.append(encode(record()))


def test_a_closed_segment_keeps_no_room_it_did_not_need(writer: SegmentWriter, tmp_path: Path) -> None:
    frame = encode(record())
    writer.append(frame)
    (path,) = segments_in(tmp_path / "clicks")
    assert path.stat().st_size == segments.SEGMENT_BYTES
    assert bytes_behind(path, 0) <= len(frame) < segments.SEGMENT_BYTES
    writer.close()
    assert path.read_bytes() == frame


@given(st.lists(RECORDS, min_size=1, max_size=3), st.integers(0, 5))
@settings(deadline=None)
def test_a_record_that_is_being_copied_is_waited_for_and_not_passed_over(records: list[ClickRecord], hole: int) -> None:
    """A reader may see the bytes of a later record before those of an earlier one."""
    frames = [encode(one) for one in records]
    torn = bytearray(b"".join(frames))
    torn[len(frames[0]) - 1 - hole] ^= 1
    assert frames_in(bytes(torn), 100, pass_over=False) == ([], 0)


def test_what_is_not_whole_is_waited_for_as_long_as_somebody_writes(writer: SegmentWriter, tmp_path: Path) -> None:
    for number in range(2):
        writer.append(encode(record(number)))
    (path,) = segments_in(tmp_path / "clicks")
    whole = path.read_bytes()[30:31]
    with path.open("r+b", buffering=0) as file:
        file.seek(30)
        file.write(bytes([whole[0] ^ 1]))
        assert read(path, 0, 10) == ([], 0)
        file.seek(30)
        file.write(whole)
        assert [one.user_agent for one in read(path, 0, 10)[0]] == ["agent 0", "agent 1"]
        file.seek(30)
        file.write(bytes([whole[0] ^ 1]))
    writer.close()
    assert [one.user_agent for one in read(path, 0, 10)[0]] == ["agent 1"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "clicks").write_text("a file")
    with pytest.raises(NotWritten):
        SegmentWriter(tmp_path / "clicks").append(encode(record()))


def test_a_draft_of_a_killed_process_is_swept_away(writer: SegmentWriter, tmp_path: Path) -> None:
    folder = tmp_path / "clicks"
    folder.mkdir()
    old, fresh = folder / "1.draft", folder / "2.draft"
    old.touch()
    fresh.touch()
    os.utime(old, (1, 1))
    writer.append(encode(record()))
    assert not old.exists()
    assert fresh.exists()
