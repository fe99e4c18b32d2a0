"""The event bus, and what consumers hear of it: a rule and a queue for each, by the table in messaging/rules.py.

Whatever is not taken ends in a dead-letter queue with an alarm: what a rule can't put into a queue, and what a consumer
has failed at for the last time.
"""

from collections.abc import Mapping
from typing import Any

from aws_cdk import (
    Duration,
    Fn,
    Stack,
    aws_events as events,
    aws_events_targets as targets,
    aws_iam as iam,
    aws_kms as kms,
    aws_lambda as lambda_,
    aws_lambda_event_sources as sources,
    aws_sns as sns,
    aws_sns_subscriptions as subscriptions,
    aws_sqs as sqs,
)
from constructs import Construct

from online_kart.messaging.published import CUSTOMER_SOURCE, INVENTORY_SOURCE
from online_kart.messaging.rules import CONSUMERS_BY_APP, RULES, RUN_STATUS_CHANGE

from .alarms import Alarms
from .deployments import Deployment
from .packages import Function, Package

SOURCES = (INVENTORY_SOURCE, CUSTOMER_SOURCE)

ARCHIVED = Duration.days(90)
"""As long as anybody may find that something was done wrong, and replay what led to it."""

KEPT = Duration.days(14)
"""Of dead letters: SQS keeps none for longer."""

TRIES = 8
"""Of a message, as locally (local/queues.py)."""

RULE_RETRIES = 185
RULE_RETRIED_FOR = Duration.hours(24)
"""EventBridge's most: a queue that can't be reached for a day is an outage of AWS's."""

VISIBLE_AFTER_TIMEOUTS = 6
"""A message comes back after so many time-outs of its function, as Lambda advises: else it is handled twice at once."""

MESSAGES_AT_ONCE = 10
CONSUMERS_AT_ONCE = 10
"""Executions of one consumer. A thousand events a second are handled by ten that take 10 ms each; more would only queue
before the same rows, and take connections from requests."""


class Messages(Stack):
    """The bus with its archive, and the topic that tells people of alarms."""

    def __init__(self, scope: Construct, id_: str, deployment: Deployment, **given: Any) -> None:
        super().__init__(scope, id_, **given)
        self.bus = events.EventBus(self, "Bus", event_bus_name=deployment.named("bus"))
        self.bus.archive(
            "Archive",
            archive_name=deployment.named("archive"),
            event_pattern=events.EventPattern(source=list(SOURCES)),
            retention=ARCHIVED,
        )
        key = kms.Key(self, "TopicKey", description="Alarms.", enable_key_rotation=True)
        key.grant_encrypt_decrypt(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        self.alarms = sns.Topic(
            self,
            "Alarms",
            topic_name=deployment.named("alarms"),
            enforce_ssl=True,
            master_key=key,
        )
        if deployment.alarm_mail:
            self.alarms.add_subscription(subscriptions.EmailSubscription(deployment.alarm_mail))


class Consumers(Construct):
    """The queues of an app's consumers, and the rules that fill them."""

    def __init__(
        self, scope: Construct, package: Package, deployment: Deployment, alarms: Alarms
    ) -> None:
        super().__init__(scope, "Consumers")
        self._deployment, self._alarms = deployment, alarms
        bus_arn = Fn.sub(deployment.arn("events", f"event-bus/{deployment.named('bus')}"))
        self._bus = events.EventBus.from_event_bus_arn(self, "Bus", bus_arn)
        functions = {function.name: function for function in package.functions}
        self.queues = {name: self._queue(functions[name]) for name in CONSUMERS_BY_APP[package.app]}

    def deliver_to(self, aliases: Mapping[str, lambda_.Alias]) -> None:
        for name, queue in self.queues.items():
            aliases[name].add_event_source(
                sources.SqsEventSource(
                    queue,
                    batch_size=MESSAGES_AT_ONCE,
                    report_batch_item_failures=True,
                    max_concurrency=CONSUMERS_AT_ONCE,
                )
            )

    def _queue(self, function: Function) -> sqs.Queue:
        own = Construct(self, function.name)
        name = self._deployment.named(function.name)
        dead = dead_letters(own, "DeadLetters", name, self._alarms)
        queue = sqs.Queue(
            own,
            "Queue",
            queue_name=name,
            visibility_timeout=Duration.seconds(VISIBLE_AFTER_TIMEOUTS * function.timeout_seconds),
            retention_period=KEPT,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=TRIES),
        )
        self._fill(own, function.name, queue)
        return queue

    def _fill(self, own: Construct, consumer: str, queue: sqs.Queue) -> None:
        """Our events come by our bus; what AWS tells of executions comes by the account's own."""
        unheard = dead_letters(
            own, "Undelivered", f"{self._deployment.named(consumer)}-rule", self._alarms
        )
        ours = [type_ for type_ in RULES[consumer] if type_ != RUN_STATUS_CHANGE]
        events.Rule(
            own,
            "Rule",
            rule_name=self._deployment.named(consumer),
            event_bus=self._bus,
            event_pattern=events.EventPattern(source=list(SOURCES), detail_type=ours),
            targets=[_target(queue, unheard)],
        )
        if RUN_STATUS_CHANGE in RULES[consumer]:
            events.Rule(
                own,
                "RuleOfRuns",
                rule_name=self._deployment.named(f"{consumer}-of-runs"),
                event_pattern=events.EventPattern(
                    source=["aws.states"],
                    detail_type=[RUN_STATUS_CHANGE],
                    detail={
                        "stateMachineArn": list(map(Fn.sub, self._deployment.machine_arns.values()))
                    },
                ),
                targets=[_target(queue, unheard)],
            )


class Jobs(Construct):
    """The schedules of an app's jobs. A tick that can't be delivered is not tried for long: the next one is near."""

    def __init__(
        self, scope: Construct, package: Package, deployment: Deployment, alarms: Alarms
    ) -> None:
        super().__init__(scope, "Jobs")
        self._package, self._deployment = package, deployment
        self._unstarted = dead_letters(
            self, "Unstarted", deployment.named(f"{package.short_name}-jobs"), alarms
        )

    def run(self, aliases: Mapping[str, lambda_.Alias]) -> None:
        for job in self._package.functions:
            if job.schedule:
                self._schedule(job, aliases[job.name])

    def _schedule(self, job: Function, alias: lambda_.Alias) -> None:
        events.Rule(
            self,
            job.name,
            rule_name=self._deployment.named(job.name),
            schedule=events.Schedule.expression(job.schedule),
            targets=[
                targets.LambdaFunction(
                    alias,
                    dead_letter_queue=self._unstarted,
                    retry_attempts=2,
                    max_event_age=Duration.minutes(5),
                )
            ],
        )


def dead_letters(scope: Construct, id_: str, name: str, alarms: Alarms) -> sqs.Queue:
    """A queue of what nobody could take, which tells people as soon as there is something in it."""
    queue = sqs.Queue(
        scope,
        id_,
        queue_name=f"{name}-dead",
        retention_period=KEPT,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
    )
    alarms.dead_letters(queue, name)
    return queue


def _target(queue: sqs.Queue, unheard: sqs.Queue) -> targets.SqsQueue:
    return targets.SqsQueue(
        queue,
        dead_letter_queue=unheard,
        retry_attempts=RULE_RETRIES,
        max_event_age=RULE_RETRIED_FOR,
    )
