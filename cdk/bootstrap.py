"""What a deployment does before any function is replaced: migrations, rights, collections."""

from pathlib import Path
from typing import Any

from aws_cdk import (
    Duration,
    Fn,
    RemovalPolicy,
    Stack,
    aws_apigateway as apigateway,
    aws_iam as iam,
    aws_lambda as lambda_,
    aws_logs as logs,
    triggers,
)
from constructs import Construct

from . import access, layers
from .functions import ARCHITECTURE, RUNTIME, layer_version
from .network import Network
from .stores import Stores

CODE = Path(__file__).parent / "bootstrap_function"

BOOTSTRAP_SECONDS = 840
"""Building an index of a large table takes minutes; Lambda gives fifteen."""

GATEWAY_LOGS = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class Bootstrap(Stack):
    """The function that makes stores ready, called by each deployment that changes it or the layer."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        network: Network,
        stores: Stores,
        layer: Path,
        **given: Any,
    ) -> None:
        super().__init__(scope, id_, **given)
        self._network, self._stores = network, stores
        function = self._function(stores.deployment.named("bootstrap"), layer)
        for statement in self._rights():
            function.add_to_role_policy(statement)
        triggers.Trigger(
            self,
            "BeforeTheCode",
            handler=function,
            timeout=Duration.seconds(BOOTSTRAP_SECONDS),
            invocation_type=triggers.InvocationType.REQUEST_RESPONSE,
        )
        self._let_gateway_log()

    def _function(self, name: str, layer: Path) -> lambda_.Function:
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.ONE_YEAR,
            removal_policy=RemovalPolicy.DESTROY,
        )
        return lambda_.Function(
            self,
            "Function",
            function_name=name,
            description="Migrations, rights, collections.",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_.Code.from_asset(str(CODE), exclude=["__pycache__"]),
            handler="bootstrap.handler",
            memory_size=512,
            timeout=Duration.seconds(BOOTSTRAP_SECONDS),
            layers=[layer_version(self, layers.ONLINE_KART, layer)],
            environment=self._environment(),
            role=access.role(self, log.log_group_arn, in_network=True),
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
            vpc=self._network.vpc,
            vpc_subnets=self._network.functions,
            security_groups=[self._network.of_bootstrap],
        )

    def _environment(self) -> dict[str, str]:
        """See `bootstrap_function`."""
        stores = self._stores
        secrets = {
            f"KART_{database.upper()}_SECRET": stores.admin_secret(database)
            for database in stores.postgres
        }
        if stores.documents:
            secrets["KART_DOCUMENTS_ADMIN_SECRET"] = stores.admin_secret("documents")
            secrets["KART_MONGODB_SECRET"] = stores.documents_secret
        return secrets

    def _let_gateway_log(self) -> None:
        """API Gateway logs by a role of the whole account: without one it refuses a stage that logs."""
        role = iam.Role(
            self,
            "GatewayLogs",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(GATEWAY_LOGS)],
        )
        account = apigateway.CfnAccount(self, "Gateway", cloud_watch_role_arn=role.role_arn)
        for kept in (role, account):
            kept.apply_removal_policy(
                RemovalPolicy.RETAIN
            )  # other deployments' APIs log by it, too

    def _rights(self) -> list[iam.PolicyStatement]:
        deployment = self._stores.deployment
        secrets = [
            Fn.sub(deployment.arn("secretsmanager", f"secret:{name}-??????"))
            for name in self._environment().values()
        ]
        return [
            access.allow("secretsmanager:GetSecretValue", *secrets),
            access.decrypt(self._stores.key),
        ]
