"""Alarms of CloudWatch: the same that the code raises (online_kart/alarms.py), and what only AWS can see."""

from typing import Any

from aws_cdk import (
    Duration,
    aws_apigateway as apigateway,
    aws_cloudwatch as cloudwatch,
    aws_cloudwatch_actions as actions,
    aws_rds as rds,
    aws_sns as sns,
    aws_sqs as sqs,
    aws_stepfunctions as stepfunctions,
)
from constructs import Construct

from online_kart.alarms import ALARMS
from online_kart.messaging.published import CUSTOMER_SOURCE, INVENTORY_SOURCE
from online_kart.metrics import NAMESPACE

DEAD_LETTER = "DeadLetter"
"""On AWS the depth of a queue says it."""

FIVE_MINUTES = Duration.minutes(5)

OUTBOX_LAG_SECONDS = 180
"""The relay runs each minute: twice in a row it has not sent what was there."""

LATENCY_MS = 2_000
"""Of the slowest of a hundred requests; the fastest has a start of a function in it now and then."""

SERVER_ERRORS = 5
"""In five minutes."""

CAPACITY_PERCENT = 90


class Alarms:
    """Makes alarms that tell the topic, when they begin and when they end."""

    def __init__(self, scope: Construct, topic: sns.ITopic) -> None:
        self._scope = Construct(scope, "Alarms")
        self._action = actions.SnsAction(topic)

    def of_code(self) -> None:
        """What the code raises: one line is enough."""
        for name, says in ALARMS.items():
            if name != DEAD_LETTER:
                metric = _ours("alarms", {"alarm": name}, "Sum")
                self._alarm(name, metric, threshold=1, says=says)

    def of_outboxes(self) -> None:
        for source in (INVENTORY_SOURCE, CUSTOMER_SOURCE):
            self._alarm(
                f"Outbox-{source}",
                _ours("outbox_lag", {"outbox": source}, "Maximum"),
                threshold=OUTBOX_LAG_SECONDS,
                says="Events are not sent: look at the relay's log, then at the bus.",
            )

    def dead_letters(self, queue: sqs.Queue, name: str) -> None:
        metric = queue.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=FIVE_MINUTES
        )
        self._alarm(f"DeadLetters-{name}", metric, threshold=1, says=ALARMS[DEAD_LETTER])

    def of_api(self, api: apigateway.SpecRestApi) -> None:
        """A bug answers 500, and Lambda counts no error for it: the gateway does."""
        stage = api.deployment_stage
        self._alarm(
            "ServerErrors",
            stage.metric_server_error(statistic="Sum", period=FIVE_MINUTES),
            threshold=SERVER_ERRORS,
            says="Requests end with 500 or 503: the API's log says which error.",
        )
        self._alarm(
            "Latency",
            stage.metric_latency(statistic="p99", period=FIVE_MINUTES),
            threshold=LATENCY_MS,
            periods=3,
            says="Requests take long: look at the databases' load, and at traces.",
        )

    def of_machine(self, machine: stepfunctions.StateMachine, name: str) -> None:
        failures = {
            "Failed": machine.metric_failed,
            "TimedOut": machine.metric_timed_out,
            "Throttled": machine.metric_throttled,
        }
        for how, metric in failures.items():
            self._alarm(
                f"{name}-{how}",
                metric(statistic="Sum", period=FIVE_MINUTES),
                threshold=1,
                says=f"A run of {name}: {how}. Its history says at which step; sweeps start again what must end well.",
            )

    def of_database(self, cluster: rds.DatabaseCluster, name: str) -> None:
        self._alarm(
            f"{name}-Capacity",
            cluster.metric_acu_utilization(statistic="Average", period=FIVE_MINUTES),
            threshold=CAPACITY_PERCENT,
            periods=3,
            says="The database is at the end of its capacity: raise capacity_max in cdk/deployments.py.",
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        says: str,
        periods: int = 1,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self._scope,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=(cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD),
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=says,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)


def _ours(name: str, dimensions: dict[str, str], statistic: str) -> cloudwatch.Metric:
    """A metric that the code puts (online_kart/metrics.py)."""
    given: dict[str, Any] = {"statistic": statistic, "period": FIVE_MINUTES}
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=name, dimensions_map=dimensions, **given
    )
