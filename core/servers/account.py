"""The unprivileged user that PostgreSQL needs when the product runs as root; for an ordinary user nothing changes."""

import os
import pwd
import signal
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.servers.errors import ServerError
from core.servers.processes import set_death_signal

UNPRIVILEGED = "nobody"  # exists on every Linux; initdb wants a user with a name


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a server runs as. `changes` is False when that is the caller himself."""

    uid: int
    gid: int
    changes: bool

    @classmethod
    def for_folder(cls, folder: Path) -> "Account":
        """The caller; for root the owner of the folder, or nobody's user while it is root's or not there yet."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), changes=False)
        if folder.exists() and (owner := folder.stat()).st_uid != 0:
            return cls(owner.st_uid, owner.st_gid, changes=True)
        entry = pwd.getpwnam(UNPRIVILEGED)
        return cls(entry.pw_uid, entry.pw_gid, changes=True)

    def popen_arguments(self) -> dict[str, Any]:
        """What makes `subprocess` run a program as this user; its working folder must be one he may enter."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"} if self.changes else {"cwd": "/"}

    def take_over(self, death_signal: signal.Signals) -> None:
        """Become this user for good, then ask to die with the parent (the change of user forgets that request)."""
        if self.changes:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)
        set_death_signal(death_signal)

    def own(self, folder: Path) -> None:
        """Make the folder if needed, his alone, with everything in it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not self.changes or folder.stat().st_uid == self.uid:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def require_way_to(self, path: Path, what: str) -> None:
        """Raises: ServerError naming the first folder on the way that this user may not pass through."""
        closed = closed_folder(path, self.uid, self.gid) if self.changes else None
        if closed is not None:
            raise ServerError(
                f"PostgreSQL cannot run as root and runs as {_name(self.uid)}, who may not pass through {closed}, "
                f"where {what} is ({path}). Put it into an open folder, or allow the passage: chmod o+x {closed}"
            )


def closed_folder(path: Path, uid: int, gid: int) -> Path | None:
    """The topmost folder on the way to the path (or the path's own folder) without passage for this user."""
    real = Path(os.path.realpath(path))
    folders = [folder for folder in (*reversed(real.parents), real) if folder.is_dir()]
    return next((folder for folder in folders if not _may_pass(folder.stat(), uid, gid)), None)


def let_pass(folder: Path) -> None:
    """Root's own folder gets o+x, so that the unprivileged server finds its files; nothing above it is touched."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if os.geteuid() == 0 and not mode & stat.S_IXOTH:
        folder.chmod(mode | stat.S_IXOTH)


def _may_pass(status: os.stat_result, uid: int, gid: int) -> bool:
    if status.st_uid == uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
