"""What cdk-nag finds and we leave as it is, with the reason: by stack, for the findings' own ids are as narrow as can be."""

from collections.abc import Iterator, Mapping

from aws_cdk import Acknowledgment, Stack, Validations

from online_kart.messaging.machines import MACHINES

from .deployments import Deployment

MANAGED = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy"

Reasons = Mapping[str, str]
"""Id of a finding → why it stays."""

ROLES_OF_FUNCTIONS: Reasons = {
    "AwsSolutions-IAM5[Resource::*]": (
        "X-Ray and the function's network card: neither knows a resource beforehand. A test allows no other service."
    ),
    "AwsSolutions-L1": "The layer is built for one version of Python, and moves to the next as a whole.",
}

APPS: Reasons = {
    **ROLES_OF_FUNCTIONS,
    "AwsSolutions-APIG2": (
        "The apps check each body, query and path by the models that make their documents, and answer with problems."
    ),
    "AwsSolutions-SQS3": "They are dead-letter queues themselves: of rules and of schedules. Each has an alarm.",
}

STACKS: Mapping[str, Reasons] = {
    "Bastion": {
        f"{MANAGED}/AmazonSSMManagedInstanceCore]": "It is what Session Manager asks for, and changes with it.",
        "AwsSolutions-EC29": "It holds nothing, and is replaced whenever its user data changes.",
        "AwsSolutions-IAM5[Action::s3:GetBucket*]": "Reading one asset, as CDK grants it.",
        "AwsSolutions-IAM5[Action::s3:GetObject*]": "Reading one asset, as CDK grants it.",
        "AwsSolutions-IAM5[Action::s3:List*]": "Reading one asset, as CDK grants it.",
    },
    "Bootstrap": {
        **ROLES_OF_FUNCTIONS,
        f"{MANAGED}/service-role/AmazonAPIGatewayPushToCloudWatchLogs]": "It is what API Gateway asks for.",
    },
    "Fulfillment": APPS,
    "Seller": APPS,
    "Customer": APPS,
    "Machines": {
        "AwsSolutions-IAM5[Resource::*]": "X-Ray, and the delivery of logs, which knows no resource beforehand.",
    },
    "SignIn": {
        "AwsSolutions-COG2": "Customers and sellers may have a second factor; the staff must.",
    },
    "Stores": {
        f"{MANAGED}/service-role/AWSLambdaBasicExecutionRole]": "CDK's function that limits how long logs are kept.",
        "AwsSolutions-IAM5[Resource::*]": "CDK's function that limits how long logs are kept.",
        "AwsSolutions-DOC2": "Security groups say who reaches the port; another number would hide nothing.",
        "AwsSolutions-DOC3": "Its password is in a secret, and rotated; the rule does not see through the reference.",
        "AwsSolutions-DOC5[LogExport::authenticate]": "An event of the audit log, which is exported as a whole.",
        "AwsSolutions-DOC5[LogExport::createIndex]": "An event of the audit log, which is exported as a whole.",
        "AwsSolutions-DOC5[LogExport::dropCollection]": "An event of the audit log, which is exported as a whole.",
        "AwsSolutions-SMG4": "The apps' user of documents: functions keep what they read. README.md says how it is changed.",
    },
}
"""Stack → what is acknowledged in it, in every deployment."""

NOT_KEPT: Reasons = {
    "AwsSolutions-DOC4": "What is here can be made anew: a day of backups is enough.",
    "AwsSolutions-RDS10": "What is here can be made anew, and is thrown away.",
}
"""In `Stores` of a deployment whose data nobody will miss."""


def acknowledge(stack: Stack, name: str, deployment: Deployment) -> None:
    """All that is left as it is in this stack."""
    for id_, reason in _of(name, deployment):
        Validations.of(stack).acknowledge(Acknowledgment(id=id_, reason=reason))


def _of(name: str, deployment: Deployment) -> Iterator[tuple[str, str]]:
    yield from STACKS.get(name, {}).items()
    if name == "Stores" and not deployment.is_kept:
        yield from NOT_KEPT.items()
    if name == "Bastion":
        bucket = (
            f"arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-{deployment.region}/*"
        )
        yield f"AwsSolutions-IAM5[Resource::{bucket}]", "CDK's bucket, where the one asset is."
    if name == "Fulfillment":
        for machine in MACHINES:
            arn = deployment.machine_arn(machine).replace(":stateMachine:", ":execution:")
            shown = arn.replace("${", "<").replace("}", ">")
            yield f"AwsSolutions-IAM5[Resource::{shown}:*]", "Executions of one machine of ours."
