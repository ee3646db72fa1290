"""A click as it lies in a segment file. A record says by itself whether it is whole; what is not whole is passed over.

Frame: magic (4), length of the body (4), checksum (4), body. Body: the moving part (id 16, visitor 8, address 8,
flags 1, agent's length 2), the user agent, then what is the same for every click of a link: program, link and member
(16 each) and the texts. All numbers little-endian, texts UTF-8; so the static part is encoded once a cached link.
The checksum is the CRC-32 of the moving part and of the CRC-32s of agent and static part, which are known beforehand.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

MAGIC = b"bCk1"
_FRAME = struct.Struct("<4sII")
_MOVING = struct.Struct("<16s8s8sBH")
_LENGTH = struct.Struct("<H")
_ABSENT = 0xFFFF
_LONGEST_BODY = 1 << 20  # far above any record: a length beyond it is damage
LONGEST_FRAME = _FRAME.size + _LONGEST_BODY

_HEAD_BYTES = _MOVING.size
_unpacked = _MOVING.unpack_from
_pack_moving = _MOVING.pack
_pack_frame = _FRAME.pack

PREFETCH, BY_API, WITH_ADDRESS = 1, 2, 4


class Part(NamedTuple):
    """A part of a body with its CRC-32, both made once for many clicks."""

    content: bytes
    crc: bytes


def part_of(content: bytes) -> Part:
    return Part(content, crc32(content).to_bytes(4, "little"))


class ClickRecord(NamedTuple):
    """One click, as the web saw it."""

    program_id: UUID
    id: UUID
    link_id: UUID
    member_id: UUID
    visitor_key: bytes  # 8 bytes
    address_hash: bytes  # 8 bytes; empty: not known
    user_agent: str  # empty: not known
    via: str  # redirect | api
    prefetch: bool
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    sub_ids: tuple[str, ...]


def encode(record: ClickRecord) -> bytes:
    """The record's frame, ready for a segment."""
    flags = (PREFETCH if record.prefetch else 0) | (BY_API if record.via == "api" else 0)
    agent = part_of(record.user_agent.encode("utf-8", "replace"))
    return framed(record.id.bytes, record.visitor_key, record.address_hash, agent, flags, static_part(record))


def static_part(record: ClickRecord) -> Part:
    """What every click of this link has in common; the moving fields are not looked at."""
    dimensions = (record.campaign_id, record.channel, record.group_id, record.content_id, record.session_id)
    ids = record.program_id.bytes + record.link_id.bytes + record.member_id.bytes
    texts = b"".join(map(_text, (*dimensions, *record.sub_ids)))
    return part_of(ids + bytes([len(record.sub_ids)]) + texts)


def framed(click_id: bytes, visitor_key: bytes, address_hash: bytes, agent: Part, flags: int, static: Part) -> bytes:
    """One frame. `flags`: PREFETCH | BY_API."""
    if address_hash:
        flags |= WITH_ADDRESS
    agent_bytes, agent_crc = agent
    static_bytes, static_crc = static
    length = len(agent_bytes)
    moving = _pack_moving(click_id, visitor_key, address_hash, flags, length)
    length += _HEAD_BYTES + len(static_bytes)
    checksum = crc32(moving + agent_crc + static_crc)
    return _pack_frame(MAGIC, length, checksum) + moving + agent_bytes + static_bytes


class Frame(NamedTuple):
    """A click as it lies in a segment: nothing is decoded that most readers have no use for.

    `flags`: PREFETCH | BY_API | WITH_ADDRESS. `static`: what all clicks of the link have in common.
    """

    id: bytes
    visitor_key: bytes
    address_hash: bytes
    flags: int
    agent: bytes
    static: bytes

    @property
    def program_id(self) -> UUID:
        return UUID(bytes=self.static[:16])


class Static(NamedTuple):
    """The static part, decoded."""

    program_id: UUID
    link_id: UUID
    member_id: UUID
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    sub_ids: tuple[str, ...]


def frame_of(record: ClickRecord) -> Frame:
    """The record as it would lie in a segment."""
    frames, _ = frames_in(encode(record), 1)
    return frames[0]


def record_of(frame: Frame) -> ClickRecord:
    """Everything decoded."""
    return ClickRecord(
        id=UUID(bytes=frame.id),
        visitor_key=frame.visitor_key,
        address_hash=frame.address_hash,
        user_agent=frame.agent.decode("utf-8", "replace"),
        via="api" if frame.flags & BY_API else "redirect",
        prefetch=bool(frame.flags & PREFETCH),
        **static_of(frame.static)._asdict(),
    )


def decode(buffer: bytes, most: int) -> tuple[list[ClickRecord], int]:
    """As `frames_in`, decoded."""
    frames, used = frames_in(buffer, most)
    return list(map(record_of, frames)), used


def frames_in(buffer: bytes, most: int, *, pass_over: bool = True) -> tuple[list[Frame], int]:
    """Up to `most` whole records from the start of the buffer, and how many bytes they and damage between them take.

    Damage with a whole record after it is passed over, unless told not to; what is not whole at the end is left, it
    may still grow.
    """
    frames: list[Frame] = []
    at = 0
    while len(frames) < most:
        body = _body_at(buffer, at)
        if body is None:
            at_next = _next_whole(buffer, at + 1) if pass_over else None
            if at_next is None:
                break
            at = at_next
            continue
        frames.append(_frame(body))
        at += _FRAME.size + len(body)
    return frames, at


def _body_at(buffer: bytes, at: int) -> bytes | None:
    if at + _FRAME.size > len(buffer):
        return None
    magic, length, crc = _FRAME.unpack_from(buffer, at)
    start = at + _FRAME.size
    if magic != MAGIC or length > _LONGEST_BODY or start + length > len(buffer):
        return None
    body = buffer[start : start + length]
    return body if _checksum(body) == crc else None


def _checksum(body: bytes) -> int | None:
    end = _HEAD_BYTES + (body[_HEAD_BYTES - 2] | body[_HEAD_BYTES - 1] << 8) if len(body) > _HEAD_BYTES else 0
    if not end or end > len(body):
        return None
    return crc32(body[:_HEAD_BYTES] + _crc_of(body[_HEAD_BYTES:end]) + _crc_of(body[end:]))


@lru_cache(maxsize=20_000)  # agents and static parts come again and again
def _crc_of(part: bytes) -> bytes:
    return part_of(part).crc


def _next_whole(buffer: bytes, start: int) -> int | None:
    at = buffer.find(MAGIC, start)
    while at >= 0:
        if _body_at(buffer, at) is not None:
            return at
        at = buffer.find(MAGIC, at + 1)
    return None


def _frame(body: bytes) -> Frame:
    click_id, visitor_key, address_hash, flags, agent_length = _unpacked(body)
    end = _HEAD_BYTES + agent_length
    if not flags & WITH_ADDRESS:
        address_hash = b""
    return Frame(click_id, visitor_key, address_hash, flags, body[_HEAD_BYTES:end], body[end:])


@lru_cache(maxsize=10_000)  # most clicks are of few links, and making UUIDs is what reading costs
def static_of(part: bytes) -> Static:
    """What the bytes of a static part say."""
    program_id, link_id, member_id = (UUID(bytes=part[at : at + 16]) for at in range(0, 48, 16))
    texts = _texts(part, 49, 5 + part[48])
    sub_ids = tuple(text for text in texts[5:] if text is not None)
    campaign_id, channel, group_id, content_id, session_id = texts[:5]
    return Static(
        program_id, link_id, member_id, campaign_id, channel, group_id, content_id, session_id, sub_ids
    )  # fmt: skip


def _text(value: str | None) -> bytes:
    if value is None:
        return _LENGTH.pack(_ABSENT)
    encoded = value.encode("utf-8", "replace")
    return _LENGTH.pack(len(encoded)) + encoded


def _texts(body: bytes, at: int, count: int) -> Sequence[str | None]:
    texts: list[str | None] = []
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if length == _ABSENT:
            texts.append(None)
            continue
        texts.append(body[at : at + length].decode("utf-8"))
        at += length
    return texts
