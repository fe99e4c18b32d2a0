"""Who can sign in to the local system: people for a demo, with passwords made here, and whoever signs up.

They are in a file of the state folder, so that the local user pools, which forget all when they end, know them again:
a customer's orders hang on the subject of their account.
"""

import json
import os
import secrets
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from uuid import uuid4

from online_kart.domain.principals import Role
from online_kart.tokens import FACILITY_GROUP, Pool

PEOPLE_FILE = "people.json"

DEMO: tuple[tuple[Pool, str, tuple[str, ...], str], ...] = (
    ("staff", "admin", (Role.ADMIN,), "may do everything"),
    ("staff", "planner", (Role.NETWORK_PLANNER,), "changes the network"),
    ("staff", "asha", (Role.FC_STAFF, f"{FACILITY_GROUP}BLR1"), "works in BLR1"),
    ("staff", "ravi", (Role.FC_STAFF, f"{FACILITY_GROUP}*"), "works in every facility"),
    ("staff", "auditor", (Role.AUDITOR,), "sees everything, changes nothing"),
    ("sellers", "malabar", (), "has an account, and is to register as a seller"),
    ("customers", "meera", (), "has an account, and is to register as a customer"),
)
"""(pool, user name, groups, who that is)"""


class Person(NamedTuple):
    """An account of a user pool."""

    pool: Pool
    username: str
    password: str
    subject: str
    groups: tuple[str, ...]


class People:
    """The accounts of one local system."""

    def __init__(self, state: Path) -> None:
        self._file, self._lock = state / PEOPLE_FILE, Lock()

    def all(self) -> list[Person]:
        if not self._file.exists():
            return []
        known = json.loads(self._file.read_text())
        return [Person(**{**each, "groups": tuple(each["groups"])}) for each in known]

    def find(self, pool: Pool, username: str) -> Person | None:
        return next((p for p in self.all() if (p.pool, p.username) == (pool, username)), None)

    def add(self, *new: Person) -> None:
        with self._lock:
            draft = self._file.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps([each._asdict() for each in (*self.all(), *new)]))
            os.replace(draft, self._file)

    def introduce_demo(self) -> None:
        """Those of the demo who are not there yet, each with a password of chance."""
        self.add(
            *(
                Person(pool, username, new_password(), str(uuid4()), groups)
                for pool, username, groups, _ in DEMO
                if self.find(pool, username) is None
            )
        )


def new_password() -> str:
    """As Cognito wants one: upper and lower case, a digit, a sign."""
    return f"{secrets.token_urlsafe(9)}-aA1"
