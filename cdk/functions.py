"""The Lambda functions of an app: each with a role, a log and an alias of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import (
    Duration,
    Fn,
    RemovalPolicy,
    aws_ec2 as ec2,
    aws_lambda as lambda_,
    aws_logs as logs,
)
from constructs import Construct

from . import access, layers
from .access import RELAYS, Access
from .deployments import ALIAS, Deployment
from .needs import Need, needs_of
from .network import Network
from .packages import Function, Package, handler_of
from .sign_in import SignIn
from .stores import Stores

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64

WAITED_FOR = frozenset({"api", "authorizer"})
"""Kinds that a person waits for: they start from a snapshot, which costs a little for each version."""


@dataclass(frozen=True)
class Surroundings:
    """What the functions of an app are put into."""

    deployment: Deployment
    network: Network
    stores: Stores
    sign_in: SignIn
    layers: Mapping[str, Path]
    """The folders of the layers, by their names in `layers`."""


class Functions(Construct):
    """All functions of an app, by their names."""

    def __init__(self, scope: Construct, package: Package, surroundings: Surroundings) -> None:
        super().__init__(scope, "Functions")
        self._package, self._around = package, surroundings
        self._versions = {
            layer.name: layer_version(self, layer, surroundings.layers[layer.name])
            for layer in layers.ALL
        }
        self._code = lambda_.Code.from_asset(str(package.code))
        access_ = Access(package.app, surroundings.deployment, surroundings.stores)
        self.aliases: dict[str, lambda_.Alias] = {}
        for function in package.functions:
            needs = needs_of(package.app, function)
            made = self._function(function, needs)
            for statement in access_.statements(needs):
                made.add_to_role_policy(statement)
            self.aliases[function.name] = made.add_alias(ALIAS)

    def _function(self, function: Function, needs: frozenset[Need]) -> lambda_.Function:
        deployment = self._around.deployment
        name = deployment.named(self._package.deployed_name(function.name))
        own = Construct(self, function.name)
        log = logs.LogGroup(
            own,
            "Log",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        return lambda_.Function(
            own,
            "Function",
            function_name=name,
            description=f"{function.kind} of {self._package.app}",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=self._code,
            handler=handler_of(function),
            memory_size=function.memory_mb,
            timeout=Duration.seconds(function.timeout_seconds),
            layers=self._layers(function),
            environment=self._environment(needs, function),
            role=access.role(own, log.log_group_arn, in_network=bool(needs)),
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
            snap_start=_snapshot(function),
            **(self._place() if needs else {}),
        )

    def _layers(self, function: Function) -> list[lambda_.ILayerVersion]:
        used = (layers.ONLINE_KART, *([layers.SIGNATURES] if function.kind == "authorizer" else []))
        return [self._versions[layer.name] for layer in used]

    def _place(self) -> dict[str, Any]:
        """What needs nothing of ours is outside the network: an authorizer reads keys from the internet."""
        network = self._around.network
        subnets: ec2.SubnetSelection = network.functions
        return {
            "vpc": network.vpc,
            "vpc_subnets": subnets,
            "security_groups": [network.of_apps[self._package.app]],
        }

    def _environment(self, needs: frozenset[Need], function: Function) -> dict[str, str]:
        """Only what its code reads; see online_kart/settings.py."""
        deployment, stores = self._around.deployment, self._around.stores
        variables = {
            "KART_DATABASE_SIGN_IN": "iam",
            **self._addresses(),
        }
        if function.kind == "authorizer":
            variables |= {"KART_TOKEN_ISSUERS": self._around.sign_in.issuers(self._package.app)}
        if "documents" in needs:
            variables |= {"KART_MONGODB_SECRET": stores.documents_secret}
        if "bus" in needs:
            variables |= {"KART_EVENT_BUS": deployment.named("bus")}
        if "relay" in needs:
            relay = deployment.function_arn(RELAYS[self._package.app])
            variables |= {"KART_RELAY_FUNCTION": Fn.sub(relay)}
        if "machines" in needs:
            variables |= {"KART_STATE_MACHINE_ARNS": Fn.sub(json.dumps(deployment.machine_arns))}
        if deployment.payments_url and self._package.app == "customer_app":
            variables |= {"KART_PAYMENTS_URL": deployment.payments_url}
        return variables

    def _addresses(self) -> dict[str, str]:
        """Of its database, which every app's settings demand. An address is no secret, and no way in."""
        if self._package.app == "customer_app":
            return {"KART_CUSTOMER_DSN": self._around.stores.postgres["customer"].dsn}
        return {"KART_INVENTORY_DSN": self._around.stores.postgres["inventory"].dsn}


def _snapshot(function: Function) -> lambda_.SnapStartConf | None:
    return lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if function.kind in WAITED_FOR else None


def layer_version(scope: Construct, layer: layers.Layer, folder: Path) -> lambda_.LayerVersion:
    """In each stack anew: a version that one stack shows to another can't be replaced."""
    return lambda_.LayerVersion(
        scope,
        f"Layer-{layer.name}",
        code=lambda_.Code.from_asset(str(folder)),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
    )
