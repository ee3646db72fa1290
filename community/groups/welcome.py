"""What a group is told when somebody joins: a welcome with his name, as he wants it shown, and the group's rules."""

from datetime import datetime, timedelta
from uuid import UUID

from community.boards.service import shown_members
from community.delivery.service import NEWS, Outgoing, enqueue
from community.groups.queries import Group
from community.platforms.service import escape
from core.clock import day_of
from referral.members.service import masked_name

_FRESH = timedelta(hours=12)  # nobody is welcomed half a day later
_SUMMARY = {"zh": "……还有 {n} 位新朋友", "en": "…and {n} more"}
_NOBODY = {"zh": "新朋友", "en": "friend"}
_ALSO = {"zh": "{name} 等 {n} 人", "en": "{name} and {n} more"}


def welcome(
    program_id: UUID, group: Group, who: UUID | str, name: str | None, count: int, at: datetime
) -> None:  # fmt: skip
    """Send rules and welcome to the group, where it has any. `who` came first of `count`; joins of a burst fold.

    `who` is a member, or a word for somebody whom nobody knows and whom the platform calls `name`.

    The key has the day in it: whoever leaves and comes back is welcomed again, but once a day.
    """
    text = welcome_text(group, _shown(program_id, who, name), count)
    if not text:
        return
    enqueue(
        program_id,
        [
            Outgoing(
                group_id=group.id, key=f"join:{group.id}:{who}:{day_of(at, group.timezone)}", topic="member",
                priority=NEWS, text=text, fold_key=f"join:{group.id}", summary=_SUMMARY[group.language],
                expires_at=at + _FRESH, language=group.language, about=(who,) if isinstance(who, UUID) else (),
            )
        ],
    )  # fmt: skip


def _shown(program_id: UUID, who: UUID | str, name: str | None) -> str | None:
    """What others may read of him: of a member what he chose, of a stranger the first character."""
    return shown_members(program_id, [who])[who].name if isinstance(who, UUID) else masked_name(name)


def welcome_text(group: Group, name: str | None, count: int) -> str:
    """The two texts together; empty where the group has neither. `name` is shown as it is."""
    shown = escape(group.platform, name or _NOBODY[group.language], markdown=False)
    if count > 1:
        shown = _ALSO[group.language].replace("{name}", shown).replace("{n}", str(count - 1))
    welcome_line = (group.welcome or "").replace("{name}", shown)
    return "\n\n".join(filter(None, (welcome_line, group.rules)))
