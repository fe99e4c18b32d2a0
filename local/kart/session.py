"""Who is signed in at this machine, and the apps as they meet them.

A note in the state folder says who it is; no token is kept: each command asks for one, which takes a moment here.
"""

import json
import os
from pathlib import Path

from online_kart.tokens import Pool

from ..apps import APPS
from ..client.app import Identity
from ..client.customers import Customers
from ..client.fulfillment import Fulfillment
from ..errors import LocalError
from ..people import People, Person
from ..ports import Ports
from ..sign_in import SignIn
from ..state import SIGNED_IN_FILE
from ..system import ENGINE, Addresses, System
from ..token_issuers import serves


class NobodySignedIn(LocalError):
    """The terminal does not know who asks."""

    def __init__(self) -> None:
        super().__init__("Nobody is signed in. `kart sign-in admin`, or whom `make up` lists.")


class NotServed(LocalError):
    """The app is not for the people of that user pool."""

    def __init__(self, person: Person, app: str) -> None:
        super().__init__(
            f"{person.username} is one of the {person.pool}, and the {app} is not for them. "
            "Sign in as one of the staff: `kart sign-in admin`."
        )


class Session:
    """Of one state folder. Everything raises LocalError where nothing runs."""

    def __init__(self, state: Path) -> None:
        self._state, self._note = state, state / SIGNED_IN_FILE
        self._people = People(state)

    def sign_in(self, username: str) -> Person:
        """From now on it is they who ask. Their password is the one that `make up` printed."""
        person = next((each for each in self._people.all() if each.username == username), None)
        if person is None:
            raise LocalError(f"Nobody called {username} has an account. `make up` lists who has.")
        self._token(person, next(app for app in APPS if serves(app, person.pool)))
        draft = self._note.with_suffix(".draft")
        draft.write_text(json.dumps({"pool": person.pool, "username": person.username}))
        os.replace(draft, self._note)
        return person

    def fulfillment(self) -> Fulfillment:
        return Fulfillment(self._url("fulfillment_app"), self._identity("fulfillment_app"))

    def customers(self) -> Customers:
        return Customers(self._url("customer_app"), self._identity("customer_app"))

    def _identity(self, app: str) -> Identity:
        person = self._signed_in()
        if not serves(app, person.pool):
            raise NotServed(person, app)
        return Identity(lambda: self._token(person, app))

    def _signed_in(self) -> Person:
        if not self._note.exists():
            raise NobodySignedIn
        note = json.loads(self._note.read_text())
        pool: Pool = note["pool"]
        person = self._people.find(pool, note["username"])
        if person is None:
            raise NobodySignedIn
        return person

    def _token(self, person: Person, app: str) -> str:
        return SignIn(self._addresses().url(ENGINE), self._people).token_of(person, app)

    def _url(self, app: str) -> str:
        return self._addresses().url(app)

    def _addresses(self) -> Addresses:
        found = System(self._state, Ports.from_env()).addresses()
        if found is None:
            raise LocalError("Nothing is running. `make up` starts it.")
        return found
