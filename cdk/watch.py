"""What people watch: alarms that belong to no app, and one page of graphs."""

from typing import Any

from aws_cdk import Stack, aws_cloudwatch as cloudwatch
from constructs import Construct

from online_kart.messaging.machines import MACHINES

from .alarms import Alarms
from .app_stack import AppStack
from .deployments import Deployment
from .machines import Machines
from .messages import Messages
from .stores import Stores

WIDE = 24
"""Of a dashboard's columns."""


class Watch(Stack):
    """Alarms of the code, of outboxes and of databases; the dashboard."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        deployment: Deployment,
        stores: Stores,
        messages: Messages,
        **given: Any,
    ) -> None:
        super().__init__(scope, id_, **given)
        self._deployment = deployment
        alarms = Alarms(self, messages.alarms)
        alarms.of_code()
        alarms.of_outboxes()
        for name, postgres in stores.postgres.items():
            alarms.of_database(postgres.cluster, name)

    def show(self, apps: list[AppStack], machines: Machines) -> None:
        """The dashboard: a row for requests, one for runs."""
        stages = [app.api.deployment_stage for app in apps]
        runs = [machines.machines[name] for name in MACHINES]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=self._deployment.named("overview"),
            widgets=[
                [
                    _graph("Requests", [stage.metric_count() for stage in stages]),
                    _graph("Server errors", [stage.metric_server_error() for stage in stages]),
                    _graph("Latency, p99", [s.metric_latency(statistic="p99") for s in stages]),
                ],
                [
                    _graph("Runs started", [run.metric_started() for run in runs]),
                    _graph("Runs failed", [run.metric_failed() for run in runs]),
                ],
            ],
        )


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=WIDE // 3)
