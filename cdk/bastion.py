"""The door for people: a small machine in the network, without an open port, a key or an address.

People reach it by Session Manager (`aws ssm start-session`), which IAM guards and CloudTrail notes. Its user data installs
what they need: PostgreSQL's client, our layer with its clients of both stores, and who signs the servers' certificates. It
has no way out: packages come from Amazon Linux's repositories, which are in S3.
"""

from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Fn, Stack, aws_ec2 as ec2, aws_s3_assets as assets
from constructs import Construct

from . import access
from .deployments import REGION
from .network import Network
from .stores import Stores

SIZE = "t4g.nano"
"""It only hands through what people type."""

DISK_GB = 8

TOOLS = ("postgresql17", "python3.13", "unzip")


def user_data(layer_in_s3: str) -> str:
    """What the machine runs when it is made. It is made anew whenever this changes."""
    return f"""#!/bin/bash
set -euxo pipefail
dnf --assumeyes install {" ".join(TOOLS)}
aws s3 cp {layer_in_s3} /tmp/layer.zip --region {REGION}
unzip -q -o /tmp/layer.zip -d /opt
rm /tmp/layer.zip
cat > /etc/profile.d/online-kart.sh <<'VARIABLES'
export PYTHONPATH=/opt/python
export PGSSLMODE=verify-full PGSSLROOTCERT=/opt/certificates/rds.pem
export AWS_DEFAULT_REGION={REGION}
VARIABLES
"""


class Bastion(Stack):
    """The machine; its id is an output."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        network: Network,
        stores: Stores,
        layer: Path,
        **given: Any,
    ) -> None:
        super().__init__(scope, id_, **given)
        carried = assets.Asset(self, "Layer", path=str(layer))
        machine = ec2.Instance(
            self,
            "Machine",
            instance_name=stores.deployment.named("bastion"),
            vpc=network.vpc,
            vpc_subnets=network.functions,
            security_group=network.of_bootstrap,
            instance_type=ec2.InstanceType(SIZE),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(
                cpu_type=ec2.AmazonLinuxCpuType.ARM_64
            ),
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(DISK_GB, encrypted=True),
                )
            ],
            ssm_session_permissions=True,
            require_imdsv2=True,
            detailed_monitoring=True,
            user_data=ec2.UserData.custom(user_data(carried.s3_object_url)),
            user_data_causes_replacement=True,
        )
        carried.grant_read(machine.role)
        secrets = [*map(stores.admin_secret, stores.postgres), stores.documents_secret]
        arns = [
            Fn.sub(stores.deployment.arn("secretsmanager", f"secret:{s}-??????")) for s in secrets
        ]
        machine.add_to_role_policy(access.allow("secretsmanager:GetSecretValue", *arns))
        machine.add_to_role_policy(access.decrypt(stores.key))
        CfnOutput(self, "InstanceId", value=machine.instance_id)
