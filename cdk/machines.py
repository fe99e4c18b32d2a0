"""The state machines: the same files as locally, with the functions in use put into them.

A definition that CDK reads from a file gets no time-out and no rights of its own: time-outs are in the files, rights here.
"""

import json
import re
from typing import Any

from aws_cdk import (
    Fn,
    RemovalPolicy,
    Stack,
    aws_iam as iam,
    aws_logs as logs,
    aws_sns as sns,
    aws_stepfunctions as stepfunctions,
)
from constructs import Construct

from online_kart.messaging.machines import MACHINES

from .alarms import Alarms
from .deployments import Deployment
from .layers import ROOT

DEFINITIONS = ROOT / "statemachines"

TASK = re.compile(r"\$\{(\w+)\}")


class Machines(Stack):
    """All state machines."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        deployment: Deployment,
        topic: sns.ITopic,
        **given: Any,
    ) -> None:
        super().__init__(scope, id_, **given)
        self._deployment = deployment
        alarms = Alarms(self, topic)
        self.machines = {name: self._machine(name) for name in MACHINES}
        for name, machine in self.machines.items():
            alarms.of_machine(machine, name)

    def _machine(self, name: str) -> stepfunctions.StateMachine:
        own = Construct(self, name)
        text = (DEFINITIONS / f"{name}.asl.json").read_text()
        arns = {
            task: Fn.sub(self._deployment.function_arn(function_of(task)))
            for task in sorted(set(TASK.findall(text)))
        }
        log = logs.LogGroup(
            own,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{self._deployment.named(name)}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        machine = stepfunctions.StateMachine(
            own,
            "Machine",
            state_machine_name=self._deployment.named(name),
            state_machine_type=stepfunctions.StateMachineType[MACHINES[name]],
            definition_body=stepfunctions.DefinitionBody.from_string(json.dumps(json.loads(text))),
            definition_substitutions=arns,
            logs=stepfunctions.LogOptions(
                destination=log,
                level=stepfunctions.LogLevel.ALL,
                include_execution_data=False,  # orders have addresses of people in them
            ),
            tracing_enabled=True,
        )
        machine.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(arns.values()))
        )
        return machine


def function_of(task: str) -> str:
    """`reserve_stock` for `ReserveStock`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", task).lower()
