"""The user pools by name: fixed ids, so that the apps know whose tokens to take before the pools are there."""

import json

from online_kart.tokens import Pool

POOLS: tuple[Pool, ...] = ("customers", "sellers", "staff")
APP_OF_POOL = {"customers": "customer_app", "sellers": "seller_app"}
"""The staff's pool is for every app."""

TARGET = "AWSCognitoIdentityProviderService."
"""Before the name of an operation, in `X-Amz-Target`."""


def pool_id(pool: Pool, region: str) -> str:
    return f"{region}_{pool}"


def client_id(pool: Pool, app: str) -> str:
    return f"{app.replace('_', '-')}-for-{pool}"


def serves(app: str, pool: Pool) -> bool:
    return APP_OF_POOL.get(pool, app) == app


def token_issuers(app: str, engine_url: str, region: str) -> str:
    """What the app's settings have (KART_TOKEN_ISSUERS)."""
    return json.dumps(
        [
            {
                "pool": pool,
                "issuer": f"https://cognito-idp.{region}.amazonaws.com/{pool_id(pool, region)}",
                "audience": client_id(pool, app),
                "keys_url": f"{engine_url}/{pool_id(pool, region)}/.well-known/jwks.json",
            }
            for pool in POOLS
            if serves(app, pool)
        ]
    )
