"""Who runs a database server, and where that account can reach its files.

PostgreSQL refuses to run as root. In a container one often is root; the servers then run as
`nobody`, an account every system has. No account is made, and no folder of anybody is opened:
where `nobody` can't enter the state folder (a clone under /root), the servers' files live in a
stand-in folder under /var/tmp, and a note in the state folder says so.
"""

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import LocalError

UNPRIVILEGED = "nobody"
STAND_INS = Path("/var/tmp")
NOTE = "database-files-are-in"


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def for_subprocess(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def succeeds(self, *command: str | Path) -> bool:
        """Whether the account can run the command, and it ends well."""
        try:
            ended = subprocess.run(
                command, capture_output=True, check=False, cwd="/", **self.for_subprocess()
            )
        except OSError:
            return False
        return ended.returncode == 0

    def can_enter(self, folder: Path) -> bool:
        return self.succeeds("/bin/sh", "-c", 'cd "$1"', "sh", folder)


def server_account() -> Account | None:
    """`nobody` when we are root; None, which means ourselves, otherwise."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(entry.pw_uid, entry.pw_gid)


def server_folder(state: Path) -> Path:
    """The state folder, or its stand-in when the servers' account can't enter it."""
    state.mkdir(parents=True, exist_ok=True)
    account = server_account()
    if account is None or account.can_enter(state):
        return state
    folder = folder_of_ours(STAND_INS, state)
    (state / NOTE).write_text(f"{folder}\n")
    return folder


def folder_of_ours(shared: Path, state: Path) -> Path:
    """A folder for this state, in one that is everybody's.

    Raises LocalError for a folder, or a link, that another user put there.
    """
    digest = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
    folder = shared / f"online-kart-{digest}-{os.geteuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.lstat().st_uid != os.geteuid():
        raise LocalError(f"{folder} belongs to another user. Remove it, or set KART_STATE.")
    folder.chmod(0o755)  # whatever the umask says
    return folder
