"""What a feature hands over to be told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID


class Notice(NamedTuple):
    """Something to be told. `facts` is JSON: what `topics.py` names for the topic, members as `<name>_id`.

    `key` is unique in the program: the same key again tells nobody again. Groups are told if they hear the topic (of
    topic `group`, and where somebody `asked_for` it, always) and are active; members unless they have switched it off.
    """

    topic: str
    key: str
    facts: dict[str, Any]
    happened_at: datetime
    group_ids: Sequence[UUID] = ()
    member_ids: Sequence[UUID] = ()
    asked_for: bool = False
