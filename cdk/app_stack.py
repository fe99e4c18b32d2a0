"""One app: its functions, its API, what its consumers hear, and when its jobs run."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from .alarms import Alarms
from .functions import Functions, Surroundings
from .messages import Consumers, Jobs, Messages
from .packages import Package
from .rest_api import RestApi


class AppStack(Stack):
    """A stack for each app, so that one can be deployed, and go back, without the others."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        package: Package,
        surroundings: Surroundings,
        messages: Messages,
        **given: Any,
    ) -> None:
        super().__init__(scope, id_, **given)
        deployment = surroundings.deployment
        alarms = Alarms(self, messages.alarms)
        consumers = Consumers(self, package, deployment, alarms)
        functions = Functions(self, package, surroundings)
        consumers.deliver_to(functions.aliases)
        Jobs(self, package, deployment, alarms).run(functions.aliases)
        self.api = RestApi(self, package, deployment, functions.aliases).api
        alarms.of_api(self.api)
        CfnOutput(self, "Url", value=self.api.deployment_stage.url_for_path("/"))
