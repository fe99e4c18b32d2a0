"""The network: functions and stores in subnets without a way in or out, and doors to the services of AWS they call."""

from typing import Any

from aws_cdk import Stack, aws_ec2 as ec2, aws_logs as logs
from constructs import Construct

from .deployments import Deployment
from .packages import APPS

HTTPS = 443

SERVICES = {
    "Events": ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE,
    "Lambda": ec2.InterfaceVpcEndpointAwsService.LAMBDA_,
    "Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Ssm": ec2.InterfaceVpcEndpointAwsService.SSM,
    "SsmMessages": ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
    "StepFunctions": ec2.InterfaceVpcEndpointAwsService.STEP_FUNCTIONS,
}
"""What is called from the network: relays call the bus, subscribers the machines, most functions a relay; people come to
the bastion host by Systems Manager."""

STORES = ec2.SubnetSelection(subnet_group_name="stores")


class Network(Stack):
    """A VPC over two zones, a security group for each app, and nothing open to the internet."""

    def __init__(self, scope: Construct, id_: str, deployment: Deployment, **given: Any) -> None:
        super().__init__(scope, id_, **given)
        has_way_out = bool(deployment.payments_url or deployment.mongodb_secret)
        private = (
            ec2.SubnetType.PRIVATE_WITH_EGRESS if has_way_out else ec2.SubnetType.PRIVATE_ISOLATED
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=1 if has_way_out else 0,
            restrict_default_security_group=True,
            subnet_configuration=[
                *([_subnets("out", ec2.SubnetType.PUBLIC)] if has_way_out else []),
                _subnets("functions", private),
                _subnets("stores", ec2.SubnetType.PRIVATE_ISOLATED),
            ],
        )
        self._log_flows()
        self.functions = ec2.SubnetSelection(subnet_group_name="functions")
        self.of_apps = {app: self._group(app, f"Functions of {app}.") for app in APPS}
        self.of_bootstrap = self._group("bootstrap", "Migrations, and people on the bastion host.")
        self._open_services()

    def _open_services(self) -> None:
        doors = self._group("services", "Who may call services of AWS.", outbound=False)
        for group in (*self.of_apps.values(), self.of_bootstrap):
            doors.add_ingress_rule(group, ec2.Port.tcp(HTTPS), "functions of ours")
        for name, service in SERVICES.items():
            self.vpc.add_interface_endpoint(
                name,
                service=service,
                subnets=self.functions,
                security_groups=[doors],
                open=False,
            )

        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)

    def _group(self, name: str, description: str, outbound: bool = True) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self,
            f"Of-{name}",
            vpc=self.vpc,
            description=description,
            allow_all_outbound=outbound,
        )

    def _log_flows(self) -> None:
        kept = logs.LogGroup(self, "Flows", retention=logs.RetentionDays.ONE_MONTH)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(kept),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )


def _subnets(name: str, type_: ec2.SubnetType) -> ec2.SubnetConfiguration:
    return ec2.SubnetConfiguration(name=name, subnet_type=type_, cidr_mask=22)
