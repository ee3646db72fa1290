"""The product's keys: given by the environment, or made once in DATA_DIR/secrets; never printed, never replaced."""

import base64
import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from config.environment import Environment, keys_by_id, one_key

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key: its variable, how a value is read and how a first value is made."""

    variable: str
    parse: Callable[[str], T]
    fresh: Callable[[], str]
    expected: str

    @property
    def file_name(self) -> str:
        return self.variable.lower()


def fresh_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


SIGNING = Key("SIGNING_KEY", one_key, fresh_key, "base64 of at least 32 bytes")
ENCRYPTION: "Key[Mapping[str, bytes]]" = Key(
    "ENCRYPTION_KEYS", keys_by_id, lambda: f"k1:{fresh_key()}", "id:base64 of 32 bytes, comma-separated"
)
LOOKUP = Key("LOOKUP_KEY", one_key, fresh_key, "base64 of at least 32 bytes")
ALL = (SIGNING, ENCRYPTION, LOOKUP)


@dataclass(frozen=True, slots=True)
class Keys:
    """What was found; an attribute is empty only while a problem is noted in the environment."""

    signing: bytes = field(default=b"", repr=False)
    encryption: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    lookup: bytes = field(default=b"", repr=False)


def find(environment: Environment, folder: Path, *, may_create: bool) -> Keys:
    """The keys of the environment, the missing ones from files in `folder`; made there when absent and `may_create`.

    Nothing is written once the environment has a problem. Whatever is wrong is noted in the environment.
    """
    given = {key.variable: environment.text(key.variable) for key in ALL}
    if not may_create:
        for key in ALL:
            if not given[key.variable]:
                environment.problems.append(
                    f"{key.variable} is not given: with a DATABASE_URL of your own expected {key.expected} "
                    "(`python -m config keys` prints a fresh set; keep it as long as the database)"
                )
    found = Keys(
        signing=environment.parsed_by(SIGNING.variable, SIGNING.parse, b""),
        encryption=environment.parsed_by(ENCRYPTION.variable, ENCRYPTION.parse, {}),
        lookup=environment.parsed_by(LOOKUP.variable, LOOKUP.parse, b""),
    )
    if environment.problems:
        return found
    return Keys(
        signing=found.signing or _kept(environment, folder, SIGNING, b""),
        encryption=found.encryption or _kept(environment, folder, ENCRYPTION, {}),
        lookup=found.lookup or _kept(environment, folder, LOOKUP, b""),
    )


def _kept(environment: Environment, folder: Path, key: Key[T], nothing: T) -> T:
    path = folder / key.file_name
    try:
        return key.parse(_read_or_make(path, key.fresh))
    except ValueError as error:
        environment.problems.append(f"{path}: {error}")
    except OSError as error:
        environment.problems.append(f"{path} cannot be used: {error.strerror}")
    return nothing


def _read_or_make(path: Path, fresh: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _create_once(path, fresh() + "\n")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ValueError(f"others may read this key; expected mode 0600: chmod 600 {path}")
    return path.read_text(encoding="ascii").strip()


def _create_once(path: Path, content: str) -> None:
    """Write the file whole or not at all; when another process was first, its content stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, never replaces a key that is already in use
    finally:
        draft.unlink()
