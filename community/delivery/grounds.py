"""What groups and their platforms say about a lane: active or not, quiet or not, limits and lengths."""

from datetime import datetime

from community.delivery.pacing import Window, windows_of
from community.delivery.planning import Ground, Letter
from community.delivery.shared_lanes import Share
from community.groups.service import Group, quiet_until
from community.platforms import service as platforms
from community.platforms.service import PLATFORMS, Message, Target

_MINUTE_MS = 60_000
_ANY_PICTURE = b"\x89PNG\r\n\x1a\n"


def ground_of(group: Group, target: Target | None, at: datetime) -> Ground:
    """The ground of a group's lane. Without an address it is as good as paused."""
    platform = group.platform

    def shorten(text: str) -> str:
        return platforms.cut_to(platform, text)

    return Ground(
        at=at,
        is_active=group.status == "active" and target is not None,
        recognises_repeats=PLATFORMS[platform].recognises_repeats,
        windows=windows_of_platform(platform),
        quiet_until=quiet_until(group.quiet_hours, group.timezone, at),
        fits=lambda text: shorten(text) == text,
        shorten=shorten,
        calls_of=lambda letter: 1 if target is None else _calls(target, letter),
    )


def _calls(target: Target, letter: Letter) -> int:
    """How many calls of the platform's limits a letter takes; its picture is not needed to tell."""
    picture = _ANY_PICTURE if letter.image_hash is not None else None
    return platforms.posts_of(target, Message(letter.text, letter.markdown, picture))


def windows_of_platform(platform: str) -> tuple[Window, ...]:
    """The windows of each of a platform's groups."""
    limits = platforms.limits_of(platform)
    return windows_of(limits.per_minute, limits.per_second, _minute_ms())


def share_of(target: Target) -> Share | None:
    """What the target's calls share with those of other groups."""
    name, limits = platforms.shared_lane_of(target), platforms.limits_of(target.platform)
    if name is None or limits.shared_per_second is None:
        return None
    return Share(name, (Window(limits.shared_per_second, max(1, _minute_ms() // 60)),))


def _minute_ms() -> int:
    """As the platforms count, or what plays them."""
    return max(60, round(_MINUTE_MS * platforms.window_scale()))
