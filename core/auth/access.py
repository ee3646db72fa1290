"""The table of who may call what. Every endpoint names one permission of it; a test holds that."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    FINANCE = "finance"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Permission:
    """Who holds a permission: API keys with that scope, publishable keys, staff of these roles, member tokens."""

    key: bool = False
    publishable: bool = False
    roles: frozenset[Role] = frozenset()
    member: bool = False


_EVERYONE = frozenset(Role)
_OPERATORS = frozenset({Role.OPERATOR, Role.OWNER})
_FINANCE = frozenset({Role.FINANCE, Role.OWNER})
_OWNERS = frozenset({Role.OWNER})
_READ = Permission(key=True, roles=_EVERYONE)

PUBLIC = "public"  # no credential: health, documentation, sign-in
ME = "me"

PERMISSIONS: dict[str, Permission] = {
    ME: Permission(member=True),
    "program:read": _READ,
    "program:write": Permission(roles=_OWNERS),
    "mini_program:read": Permission(roles=_OWNERS),
    "mini_program:write": Permission(roles=_OWNERS),
    "staff:read": Permission(roles=_OWNERS),
    "staff:write": Permission(roles=_OWNERS),
    "keys:read": Permission(roles=_OWNERS),
    "keys:write": Permission(roles=_OWNERS),
    "audit:read": Permission(roles=_OWNERS),
    "members:read": _READ,
    "members:write": Permission(key=True, roles=_OPERATORS),
    "tokens:write": Permission(key=True),
    "orders:read": _READ,
    "orders:write": Permission(key=True, roles=_OWNERS),
    "links:read": _READ,
    "links:write": Permission(key=True, roles=_OPERATORS),
    "links:resolve": Permission(key=True, publishable=True, roles=_EVERYONE),
    "clicks:write": Permission(key=True, publishable=True),
    "coupons:read": _READ,
    "coupons:write": Permission(roles=_OPERATORS),
    "coupons:use": Permission(key=True, roles=_OPERATORS),  # claims, quotes, reservations
    "stats:read": _READ,
    "attribution:write": Permission(roles=_FINANCE),
    "guard:read": Permission(roles=_EVERYONE),
    "guard:write": Permission(roles=_FINANCE),
    "plans:read": _READ,
    "plans:write": Permission(roles=_OWNERS),
    "ledger:read": _READ,
    "ledger:write": Permission(roles=_FINANCE),
    "payout_methods:read": _READ,
    "payout_methods:write": Permission(key=True, roles=_FINANCE),
    "withdrawals:write": Permission(key=True, roles=_FINANCE),
    "settlements:read": _READ,
    "settlements:write": Permission(roles=_FINANCE),
    "events:read": _READ,
    "groups:read": _READ,
    "groups:write": Permission(roles=_OPERATORS),
    "groups:join": Permission(key=True, roles=_OPERATORS),  # the shop tells who is in a group
    "notices:read": _READ,
    "notices:write": Permission(roles=_OPERATORS),
    "points:read": _READ,
    "points:write": Permission(roles=_OPERATORS),
    "points:use": Permission(key=True, roles=_OPERATORS),  # redemptions
    "boards:read": _READ,
    "segments:write": Permission(roles=_OPERATORS),
    "activities:read": _READ,
    "activities:write": Permission(roles=_OPERATORS),
    "activities:join": Permission(key=True, roles=_OPERATORS),
    "budgets:write": Permission(roles=_FINANCE),  # money for activities and red packets
    "engagement:write": Permission(key=True, publishable=True, roles=_OPERATORS),
    "red_packets:read": _READ,
    "red_packets:write": Permission(roles=_OPERATORS),
    "red_packets:claim": Permission(key=True, roles=_OPERATORS),
}

PUBLISHABLE: frozenset[str] = frozenset(name for name, permission in PERMISSIONS.items() if permission.publishable)
KEY_SCOPES: tuple[str, ...] = tuple(name for name, permission in PERMISSIONS.items() if permission.key)
