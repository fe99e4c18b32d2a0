"""Where the system is deployed, and how large: one object for each place. Nothing here is secret, and no account is named.

Names of functions, machines, queues and the bus are made here, not by CloudFormation: so a stack can speak of what
another one makes without a reference that would forbid to change it.
"""

from dataclasses import dataclass

from online_kart.messaging.machines import MACHINES

REGION = "ap-south-1"

ADMIN_USER = "kart_admin"
"""As which the bootstrap does; in nobody's environment."""

APP_USER = "kart_app"
"""As which apps sign in to stores. It may read and write rows; the tables are the administrator's."""

ALIAS = "live"
"""The version of each function that is in use: to go back is to point it at the version before."""


@dataclass(frozen=True)
class Deployment:
    """One place. Capacities are Aurora's and DocumentDB's units (ACU, DCU: some 2 GB of memory each)."""

    name: str
    capacity_min: float
    capacity_max: float
    readers: int
    """Beside each PostgreSQL writer, ready to take over."""
    backup_days: int
    is_kept: bool
    """Whether databases refuse to be deleted."""
    requests_per_second: int
    """Of each API; half as many more in a burst."""
    requests_per_address: int
    """Within five minutes, from one IP address."""
    alarm_mail: str = ""
    """Who hears of alarms. Nobody yet: subscribe to the topic by hand."""
    payments_url: str = ""
    """Of the payment provider; with one, functions get a way out to the internet (a NAT gateway)."""
    mongodb_secret: str = ""
    """Name of a secret `{"uri": "mongodb+srv://…"}` of a store elsewhere, such as Atlas; without one DocumentDB is made."""
    region: str = REGION

    def named(self, what: str) -> str:
        """`kart-dev-reserve-stock` for `reserve_stock`."""
        return f"kart-{self.name}-{what.replace('_', '-')}"

    def arn(self, service: str, resource: str) -> str:
        """Of a resource of this deployment, in the account that CloudFormation works in."""
        return f"arn:${{AWS::Partition}}:{service}:{self.region}:${{AWS::AccountId}}:{resource}"

    def function_arn(self, function: str) -> str:
        """Of the version in use."""
        return self.arn("lambda", f"function:{self.named(function)}:{ALIAS}")

    def machine_arn(self, machine: str) -> str:
        return self.arn("states", f"stateMachine:{self.named(machine)}")

    @property
    def machine_arns(self) -> dict[str, str]:
        return {machine: self.machine_arn(machine) for machine in MACHINES}


DEV = Deployment(
    name="dev",
    capacity_min=0.5,
    capacity_max=2,
    readers=0,
    backup_days=1,
    is_kept=False,
    requests_per_second=50,
    requests_per_address=2_000,
)

PROD = Deployment(
    name="prod",
    capacity_min=1,
    capacity_max=16,
    readers=1,
    backup_days=14,
    is_kept=True,
    requests_per_second=1_000,
    requests_per_address=2_000,
)

ALL = (DEV, PROD)
