"""The user pools of the local system: moto's Cognito, with what a person asks of it over HTTP.

Three pools, as on AWS: customers', sellers' and the staff's. An app has a client in each pool whose people it serves, so a
token for one app is none for another. Pools and clients have fixed ids here, so that the apps know them before the engine
runs. What a person signs up with is confirmed at once: no mail leaves this machine.
"""

import json
import re
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from botocore.exceptions import BotoCoreError, ClientError
from joserfc import jwk
from moto.cognitoidp.models import CognitoIdpUserPool, UserStatus, cognitoidp_backends

from online_kart.tokens import Pool

from .apps import APPS
from .lambdas import ACCOUNT
from .people import People, Person
from .token_issuers import POOLS, TARGET, client_id, pool_id, serves

KEY_ID = "dummy"
"""moto writes it into every token."""

ASKED_BY_PEOPLE = {"SignUp": "sign_up", "InitiateAuth": "initiate_auth"}
"""What needs no rights on AWS either, of what is used here. Groups are given by those who run the pools."""


class Answer(NamedTuple):
    status: HTTPStatus
    body: dict[str, Any]


class UserPools:
    """The pools, with everybody who is known. Made inside moto's block."""

    def __init__(self, people: People, region: str) -> None:
        import boto3

        self._people, self._region = people, region
        self._client = boto3.client("cognito-idp", region_name=region)
        self._key = jwk.RSAKey.generate_key(2048)  # moto's own is in its package, for all to read
        self._pools = {pool: self._new_pool(pool) for pool in POOLS}
        for person in people.all():
            self._put(person)

    @property
    def keys(self) -> dict[str, Any]:
        """As a JWKS."""
        public = cast(dict[str, Any], self._key.as_dict(private=False))
        return {"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def keys_at(self, path: str) -> dict[str, Any] | None:
        """None where that is no path of a pool's keys."""
        found = re.fullmatch(r"/(\w[\w-]*)/\.well-known/jwks\.json", path)
        known = {pool.id for pool in self._pools.values()}
        return self.keys if found and found[1] in known else None

    def answer(self, target: str, body: bytes) -> Answer:
        """What a person's request is answered, as Cognito words it."""
        operation = ASKED_BY_PEOPLE.get(target.removeprefix(TARGET))
        if operation is None:
            return _refused("UnknownOperationException", target)
        try:
            asked = json.loads(body)
            answered = getattr(self._client, operation)(**asked)
        except ClientError as error:
            return _refused(error.response["Error"]["Code"], error.response["Error"]["Message"])
        except (BotoCoreError, ValueError, TypeError) as error:
            return _refused("InvalidParameterException", str(error))
        if operation == "sign_up":
            self._keep(asked)
        answered.pop("ResponseMetadata")
        return Answer(HTTPStatus.OK, answered)

    def _keep(self, asked: dict[str, Any]) -> None:
        """Confirm who has signed up, and know them again after the next start."""
        for pool in POOLS:
            if asked["ClientId"] in self._pools[pool].clients:
                user = self._pools[pool].users[asked["Username"]]
                user.status = UserStatus.CONFIRMED
                self._people.add(Person(pool, asked["Username"], asked["Password"], user.id, ()))

    def _new_pool(self, pool: Pool) -> CognitoIdpUserPool:
        """moto gives ids by chance; ours are known before."""
        backend = cognitoidp_backends[ACCOUNT][self._region]
        made = backend.create_user_pool(
            pool, {"Policies": {"PasswordPolicy": {"MinimumLength": 8}}}
        )
        del backend.user_pools[made.id]
        made.id, made.json_web_key = pool_id(pool, self._region), self._key
        backend.user_pools[made.id] = made
        for app in (app for app in APPS if serves(app, pool)):
            client = backend.create_user_pool_client(made.id, False, {"ClientName": app})
            del made.clients[client.id]
            client.id = client_id(pool, app)
            made.clients[client.id] = client
        return made

    def _put(self, person: Person) -> None:
        pool = self._pools[person.pool]
        backend = cognitoidp_backends[ACCOUNT][self._region]
        user = backend.admin_create_user(pool.id, person.username, "", person.password, [])
        user.password, user.status, user.id = person.password, UserStatus.CONFIRMED, person.subject
        for group in person.groups:
            if group not in pool.groups:
                backend.create_group(pool.id, group, "", "", 0)
            backend.admin_add_user_to_group(pool.id, group, person.username)


def _refused(code: str, message: str) -> Answer:
    return Answer(HTTPStatus.BAD_REQUEST, {"__type": code, "message": message})
