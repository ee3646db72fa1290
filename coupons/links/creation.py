"""Makes links, one or a thousand in the same few statements. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.auth.actor import Actor
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision
from core.errors import DomainError
from core.events.service import Event, announce
from coupons.links import queries
from coupons.links.admission import Admitted, Decision, Facts, Refused, decide_all
from coupons.links.codes import new_code
from coupons.links.models import LinkNameRow, LinkRow
from coupons.links.new_link import NewLink, Unreadable
from coupons.links.queries import Link
from coupons.vouchers.service import find_codes


class Made(NamedTuple):
    """What became of one item: a link, new or not, or a refusal. `code`: the chosen one."""

    code: str | None
    link: Link | None
    created: bool
    error: DomainError | None


def create(actor: Actor, items: Sequence[NewLink | Unreadable]) -> list[Made]:
    """Make links in the given order; a refused one leaves the others alone. At most eight statements, however many.

    A chosen code is a natural key: the same content again gives the stored link. Locks the members against erasure.

    Raises:
        Collision: a rival chose one of the codes between our look and our insert; the next try sees his.
    """
    at = now()
    decisions = decide_all(items, _facts(actor, [item for item in items if isinstance(item, NewLink)], at))
    links = _write(actor, [one for one in decisions if isinstance(one, Admitted)], at)
    repeated = [one.id for one in decisions if not isinstance(one, Refused) and one.id not in links]
    if repeated:
        links |= {link.id: link for link in queries.by_ids(actor.program_id, repeated)}
    return [_outcome(item, one, links) for item, one in zip(items, decisions, strict=True)]


def _outcome(item: NewLink | Unreadable, decision: Decision, links: dict[UUID, Link]) -> Made:
    if isinstance(decision, Refused):
        return Made(item.code, None, created=False, error=decision.error)
    return Made(item.code, links[decision.id], created=isinstance(decision, Admitted), error=None)


def _facts(actor: Actor, items: Sequence[NewLink], at: datetime) -> Facts:
    codes = {item.code for item in items if item.code is not None}
    coupon_codes = {item.coupon_code for item in items if item.coupon_code is not None}
    return Facts(
        members=_members(actor.program_id, items),
        taken=queries.taken_codes(actor.program_id, codes) if codes else {},
        coupon_codes=set(find_codes(actor.program_id, coupon_codes)) if coupon_codes else set(),
        link_hosts=actor.program.settings.link_hosts,
        at=at,
    )


def _members(program_id: UUID, items: Sequence[NewLink]) -> dict[UUID | str, UUID]:
    ids = {item.member_id for item in items if item.member_id is not None}
    external_ids = {item.member_external_id for item in items if item.member_external_id is not None}
    found = queries.living_sharers(program_id, ids, external_ids) if items else []
    by_name: dict[UUID | str, UUID] = {one.external_id: one.id for one in found if one.external_id is not None}
    return by_name | {one.id: one.id for one in found}


class _Name(NamedTuple):
    code: str


class _Row(NamedTuple):
    id: UUID
    code: str
    request_hash: bytes
    member_id: UUID
    destination_url: str
    mini_program_path: str | None
    campaign_id: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    channel: str | None
    sub_ids: list[str]
    coupon_code: str | None
    product: dict[str, Any] | None
    expires_at: datetime | None
    created_by_kind: str
    created_by: UUID
    created_at: datetime
    updated_at: datetime


def _write(actor: Actor, admitted: Sequence[Admitted], at: datetime) -> dict[UUID, Link]:
    if not admitted:
        return {}
    _take_names(actor.program_id, [one.item.code for one in admitted if one.item.code is not None])
    number = queries.number_of(actor.program_id)
    rows = [_row(actor, one, one.item.code or new_code(number), at) for one in admitted]
    made = insert_rows(LinkRow, rows, program_id=actor.program_id, on_conflict="DO NOTHING", returning="id")
    if len(made) < len(rows):
        raise Collision("a made code is there already")
    announce(
        actor.program_id,
        [Event("link.created", at, {"link_id": row.id, "member_id": row.member_id}) for row in rows],
    )
    return {row.id: _link(row) for row in rows}


def _take_names(program_id: UUID, codes: Sequence[str]) -> None:
    # sorted, so that two batches with the same names cannot deadlock
    names = [_Name(code) for code in sorted(codes)]
    taken = insert_rows(LinkNameRow, names, program_id=program_id, on_conflict="DO NOTHING", returning="code")
    if len(taken) < len(names):
        raise Collision("a code was chosen by somebody else at this moment")


def _row(actor: Actor, one: Admitted, code: str, at: datetime) -> _Row:
    item = one.item._asdict()
    del item["member_external_id"]
    chosen = item | {"code": code, "member_id": one.member_id, "id": one.id, "request_hash": one.request_hash}
    return _Row(**chosen, created_by_kind=actor.kind.value, created_by=actor.id, created_at=at, updated_at=at)


def _link(row: _Row) -> Link:
    return Link(deleted_at=None, **{name: value for name, value in row._asdict().items() if name in Link._fields})
