"""The whole system, once: the stacks of a deployment, in the order in which they need each other."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Environment, Stage, Tags
from constructs import Construct

from . import layers as built
from .acknowledged import acknowledge
from .app_stack import AppStack
from .bastion import Bastion
from .bootstrap import Bootstrap
from .deployments import Deployment
from .functions import Surroundings
from .machines import Machines
from .messages import Messages
from .network import Network
from .packages import Package
from .sign_in import SignIn
from .stores import Stores
from .watch import Watch


class System(Stage):
    """A deployment. It names no account: who deploys is signed in to one."""

    def __init__(
        self,
        scope: Construct,
        deployment: Deployment,
        packages: Mapping[str, Package],
        layers: Mapping[str, Path],
    ) -> None:
        """`packages` and `layers` by their names."""
        region = Environment(region=deployment.region)
        super().__init__(scope, deployment.name, env=region)
        network = Network(self, "Network", deployment)
        stores = Stores(self, "Stores", deployment, network)
        sign_in = SignIn(self, "SignIn", deployment)
        messages = Messages(self, "Messages", deployment)
        watch = Watch(self, "Watch", deployment, stores, messages)
        around = Surroundings(deployment, network, stores, sign_in, layers)
        carried = layers[built.ONLINE_KART.name]
        Bastion(self, "Bastion", network, stores, carried)
        first = Bootstrap(self, "Bootstrap", network, stores, carried)
        apps = [
            AppStack(self, package.short_name.capitalize(), package, around, messages)
            for package in packages.values()
        ]
        for app in apps:
            app.add_stack_dependency(first)  # tables come before the code that needs them
        machines = Machines(self, "Machines", deployment, messages.alarms)
        watch.show(apps, machines)
        for stack in self.node.children:
            acknowledge(stack, stack.node.id, deployment)
        Tags.of(self).add("deployment", deployment.name)
