"""The three user pools: customers', sellers' and the staff's, with a client for each app that takes their tokens."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, aws_cognito as cognito
from constructs import Construct

from online_kart.domain.principals import Role
from online_kart.tokens import STAFF_ROLES, Pool

from .deployments import Deployment
from .packages import APPS

POOLS: tuple[Pool, ...] = ("customers", "sellers", "staff")

APP_OF_POOL: dict[Pool, str] = {"customers": "customer_app", "sellers": "seller_app"}
"""The staff's pool is for every app."""

PASSWORD_LENGTH_MIN = 12

TOKEN_LIVES = Duration.hours(1)
"""An access token can't be called back; a group that was taken away counts until it ends."""


class SignIn(Stack):
    """Who may sign in, and where."""

    def __init__(self, scope: Construct, id_: str, deployment: Deployment, **given: Any) -> None:
        super().__init__(scope, id_, **given)
        self._deployment = deployment
        self.pools = {pool: self._pool(pool) for pool in POOLS}
        self.clients = {
            (app, pool): self._client(app, pool)
            for app in APPS
            for pool in POOLS
            if APP_OF_POOL.get(pool, app) == app
        }
        for role in sorted(STAFF_ROLES):
            self._group(role)

    def issuers(self, app: str) -> str:
        """What the app's settings have (KART_TOKEN_ISSUERS)."""
        issuers = [
            {
                "pool": pool,
                "issuer": self.pools[pool].user_pool_provider_url,
                "audience": client.user_pool_client_id,
            }
            for (of_app, pool), client in self.clients.items()
            if of_app == app
        ]
        return str(self.to_json_string(issuers))

    def _pool(self, pool: Pool) -> cognito.UserPool:
        """Staff is invited and has a second factor; others sign up, and may have one."""
        is_staff = pool == "staff"
        return cognito.UserPool(
            self,
            pool.capitalize(),
            user_pool_name=self._deployment.named(pool),
            self_sign_up_enabled=not is_staff,
            sign_in_aliases=cognito.SignInAliases(email=True),
            auto_verify=cognito.AutoVerifiedAttrs(email=True),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            mfa=cognito.Mfa.REQUIRED if is_staff else cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(sms=False, otp=True),
            feature_plan=cognito.FeaturePlan.PLUS,
            standard_threat_protection_mode=cognito.StandardThreatProtectionMode.FULL_FUNCTION,
            password_policy=cognito.PasswordPolicy(
                min_length=PASSWORD_LENGTH_MIN,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
            ),
            deletion_protection=self._deployment.is_kept,
            removal_policy=(
                RemovalPolicy.RETAIN if self._deployment.is_kept else RemovalPolicy.DESTROY
            ),
        )

    def _client(self, app: str, pool: Pool) -> cognito.UserPoolClient:
        return self.pools[pool].add_client(
            f"Of-{app}",
            user_pool_client_name=f"{app.replace('_', '-')}-for-{pool}",
            auth_flows=cognito.AuthFlow(user_srp=True),
            access_token_validity=TOKEN_LIVES,
            enable_token_revocation=True,
            prevent_user_existence_errors=True,
        )

    def _group(self, role: Role) -> None:
        cognito.CfnUserPoolGroup(
            self,
            f"Group-{role}",
            user_pool_id=self.pools["staff"].user_pool_id,
            group_name=role,
            description="Its members have this role in every app.",
        )
