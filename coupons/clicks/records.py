"""A click as it lies in a segment file. A record says by itself whether it is whole; what is not whole is passed over.

Frame: magic (4), length of the body (4), CRC-32 of the body (4), body. Body: the moving part (id 16, visitor 8,
address 8, flags 1, agent's length 2, agent), then what is the same for every click of a link: program, link and member
(16 each) and the texts. All numbers little-endian, texts UTF-8; so the static part is encoded once a cached link.
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

PREFETCH, BY_API, WITH_ADDRESS = 1, 2, 4


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
    agent = record.user_agent.encode("utf-8", "replace")
    return framed(record.id.bytes, record.visitor_key, record.address_hash, agent, flags, static_part(record))


def static_part(record: ClickRecord) -> bytes:
    """The bytes that every click of this link has in common; the moving fields are not looked at."""
    dimensions = (record.campaign_id, record.channel, record.group_id, record.content_id, record.session_id)
    ids = record.program_id.bytes + record.link_id.bytes + record.member_id.bytes
    texts = b"".join(map(_text, (*dimensions, *record.sub_ids)))
    return ids + bytes([len(record.sub_ids)]) + texts


def framed(click_id: bytes, visitor_key: bytes, address_hash: bytes, agent: bytes, flags: int, static: bytes) -> bytes:
    """One frame of a moving and a static part. `flags`: PREFETCH | BY_API."""
    if address_hash:
        flags |= WITH_ADDRESS
    head = _MOVING.pack(click_id, visitor_key, address_hash, flags, len(agent))
    body = head + agent + static
    return _FRAME.pack(MAGIC, len(body), crc32(body)) + body


def decode(buffer: bytes, most: int) -> tuple[list[ClickRecord], int]:
    """Up to `most` whole records from the start of the buffer, and how many bytes they and damage between them take.

    Damage with a whole record after it is passed over; what is not whole at the end is left, it may still grow.
    """
    records: list[ClickRecord] = []
    at = 0
    while len(records) < most:
        body = _body_at(buffer, at)
        if body is None:
            at_next = _next_whole(buffer, at + 1)
            if at_next is None:
                break
            at = at_next
            continue
        records.append(_decoded(body))
        at += _FRAME.size + len(body)
    return records, at


def _body_at(buffer: bytes, at: int) -> bytes | None:
    if at + _FRAME.size > len(buffer):
        return None
    magic, length, crc = _FRAME.unpack_from(buffer, at)
    start = at + _FRAME.size
    if magic != MAGIC or length > _LONGEST_BODY or start + length > len(buffer):
        return None
    body = buffer[start : start + length]
    return body if crc32(body) == crc else None


def _next_whole(buffer: bytes, start: int) -> int | None:
    at = buffer.find(MAGIC, start)
    while at >= 0:
        if _body_at(buffer, at) is not None:
            return at
        at = buffer.find(MAGIC, at + 1)
    return None


def _decoded(body: bytes) -> ClickRecord:
    click_id, visitor_key, address_hash, flags, agent_length = _MOVING.unpack_from(body)
    start = _MOVING.size + agent_length
    program_id, link_id, member_id, dimensions, sub_ids = _static_of(body[start:])
    campaign_id, channel, group_id, content_id, session_id = dimensions
    return ClickRecord(
        program_id=program_id,
        id=UUID(bytes=click_id),
        link_id=link_id,
        member_id=member_id,
        visitor_key=visitor_key,
        address_hash=address_hash if flags & WITH_ADDRESS else b"",
        user_agent=body[_MOVING.size : start].decode("utf-8", "replace"),
        via="api" if flags & BY_API else "redirect",
        prefetch=bool(flags & PREFETCH),
        campaign_id=campaign_id,
        channel=channel,
        group_id=group_id,
        content_id=content_id,
        session_id=session_id,
        sub_ids=sub_ids,
    )


@lru_cache(maxsize=10_000)  # most clicks are of few links, and making UUIDs is what reading costs
def _static_of(part: bytes) -> tuple[UUID, UUID, UUID, Sequence[str | None], tuple[str, ...]]:
    """Program, link, member, what rides on the link, and its sub-ids."""
    program_id, link_id, member_id = (UUID(bytes=part[at : at + 16]) for at in range(0, 48, 16))
    texts = _texts(part, 49, 5 + part[48])
    return program_id, link_id, member_id, texts[:5], tuple(text for text in texts[5:] if text is not None)


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
