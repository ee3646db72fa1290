"""`python -m config check` shows the effective settings, secrets masked; `python -m config keys` prints new keys."""

import sys
from dataclasses import fields

from config import keys
from config.environment import masked
from config.settings import Settings, SettingsError, load


def lines(settings: Settings) -> list[str]:
    """One `name = value` a setting; of keys only their length or ids, of addresses no password."""
    return [f"{field.name} = {_shown(field.name, getattr(settings, field.name))}" for field in fields(settings)]


def _shown(name: str, value: object) -> str:
    if name == "encryption_keys" and isinstance(value, dict):
        return ", ".join(f"{key_id}:***" for key_id in value)
    if isinstance(value, bytes):
        return f"*** ({len(value)} bytes)"
    return masked(str(value))


def main(arguments: list[str]) -> int:
    """Exit status: 0 well, 1 wrong settings, 2 wrong usage."""
    if arguments == ["keys"]:
        print("\n".join(f"{key.variable}={key.fresh()}" for key in keys.ALL))
        return 0
    if arguments != ["check"]:
        print("usage: python -m config check | keys", file=sys.stderr)
        return 2
    try:
        print("\n".join(lines(load())))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
