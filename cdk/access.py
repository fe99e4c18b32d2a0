"""What the role of a function may do: its own log, its own network card, and what its code needs (see `needs`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aws_cdk import Fn, aws_iam as iam, aws_kms as kms
from constructs import Construct

from .deployments import Deployment
from .needs import Need
from .stores import Stores

RELAYS = {
    "fulfillment_app": "relay_inventory_outbox",
    "seller_app": "relay_inventory_outbox",
    "customer_app": "relay_customer_outbox",
}
"""The function that each app nudges after a commit."""

NETWORK_CARD = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
"""Lambda makes a function's card with the function's role; none of these knows a resource beforehand."""

TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")


@dataclass(frozen=True)
class Access:
    """Statements for roles of one app's functions in one deployment."""

    app: str
    deployment: Deployment
    stores: Stores

    def statements(self, needs: frozenset[Need]) -> list[iam.PolicyStatement]:
        """In a fixed order. What a payment provider takes is a way out, and no right."""
        makers: Mapping[Need, Callable[[], list[iam.PolicyStatement]]] = {
            "inventory": lambda: [self.stores.postgres["inventory"].sign_in()],
            "customer": lambda: [self.stores.postgres["customer"].sign_in()],
            "documents": self._documents,
            "bus": lambda: [allow("events:PutEvents", self._arn("events", "event-bus/", "bus"))],
            "machines": self._machines,
            "relay": lambda: [
                allow(
                    "lambda:InvokeFunction",
                    Fn.sub(self.deployment.function_arn(RELAYS[self.app])),
                )
            ],
            "payments": list,
        }
        return [made for need, make in makers.items() if need in needs for made in make()]

    def _documents(self) -> list[iam.PolicyStatement]:
        name = self.stores.documents_secret
        secret = Fn.sub(self.deployment.arn("secretsmanager", f"secret:{name}-??????"))
        return [allow("secretsmanager:GetSecretValue", secret), decrypt(self.stores.key)]

    def _machines(self) -> list[iam.PolicyStatement]:
        arns = list(self.deployment.machine_arns.values())
        executions = [f"{arn.replace(':stateMachine:', ':execution:')}:*" for arn in arns]
        return [
            allow("states:StartExecution", *map(Fn.sub, arns)),
            allow("states:DescribeExecution", *map(Fn.sub, executions)),
        ]

    def _arn(self, service: str, before: str, name: str) -> str:
        arn = self.deployment.arn(service, f"{before}{self.deployment.named(name)}")
        return str(Fn.sub(arn))


def allow(action: str, *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[action], resources=list(resources))


def decrypt(key: kms.IKey) -> iam.PolicyStatement:
    """Only what Secrets Manager has encrypted."""
    return iam.PolicyStatement(
        actions=["kms:Decrypt"],
        resources=[key.key_arn],
        conditions={"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}},
    )


def role(scope: Construct, log_group_arn: str, in_network: bool) -> iam.Role:
    """Of one function, with what every function needs, and none of the policies that AWS manages: they allow more.

    `log_group_arn` is CloudFormation's, which ends with `:*` and so means the group's streams.
    """
    made = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    lines = ("logs:CreateLogStream", "logs:PutLogEvents")
    made.add_to_policy(iam.PolicyStatement(actions=list(lines), resources=[log_group_arn]))
    made.add_to_policy(iam.PolicyStatement(actions=list(TRACES), resources=["*"]))
    if in_network:
        made.add_to_policy(iam.PolicyStatement(actions=list(NETWORK_CARD), resources=["*"]))
    return made
