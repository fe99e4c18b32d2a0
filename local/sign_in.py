"""Signing in to the local system as a person does: with a password, over HTTP, for one app."""

from typing import Any

import httpx

from online_kart.tokens import Pool

from .errors import LocalError
from .people import People, Person, new_password
from .token_issuers import TARGET, client_id

ANSWER_SECONDS_MAX = 30.0


class SignIn:
    """The way to tokens, for the accounts in the state folder and for those who sign up here."""

    def __init__(self, engine_url: str, people: People) -> None:
        self._url, self._people = engine_url, people

    def token(self, pool: Pool, username: str, app: str) -> str:
        """An access token for the app, good for an hour. Raises LocalError."""
        person = self._people.find(pool, username)
        if person is None:
            raise LocalError(f"Nobody called {username} has an account among the {pool}.")
        return self.token_of(person, app)

    def token_of(self, person: Person, app: str) -> str:
        asked = {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": client_id(person.pool, app),
            "AuthParameters": {"USERNAME": person.username, "PASSWORD": person.password},
        }
        answer = self._ask("InitiateAuth", asked)
        return str(answer["AuthenticationResult"]["AccessToken"])

    def sign_up(self, pool: Pool, username: str, app: str) -> Person:
        """The account of that name: the one there is, or a new one."""
        known = self._people.find(pool, username)
        if known:
            return known
        password = new_password()
        asked = {
            "ClientId": client_id(pool, app),
            "Username": username,
            "Password": password,
        }
        subject = self._ask("SignUp", asked)["UserSub"]
        return Person(pool, username, password, subject, ())

    def _ask(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "X-Amz-Target": f"{TARGET}{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        answer = httpx.post(self._url, json=body, headers=headers, timeout=ANSWER_SECONDS_MAX)
        found: dict[str, Any] = answer.json()
        if answer.is_error:
            raise LocalError(f"{operation} was refused: {found}")
        return found
