"""The stores: two PostgreSQL servers and a document store, the key they are encrypted with, and their secrets.

Apps sign in to PostgreSQL by IAM as `kart_app`, so there is no password to keep or to rotate; the administrator's, which
the bootstrap uses, is rotated. There is no RDS Proxy: DECISIONS.md says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import (
    Duration,
    RemovalPolicy,
    Stack,
    aws_docdb as docdb,
    aws_ec2 as ec2,
    aws_iam as iam,
    aws_kms as kms,
    aws_logs as logs,
    aws_rds as rds,
    aws_secretsmanager as secretsmanager,
)
from constructs import Construct

from .deployments import ADMIN_USER, APP_USER, Deployment
from .network import STORES, Network
from .packages import APPS

POSTGRES_VERSION = ("17.5", "17")
DOCUMENTDB_VERSION = "5.0.0"

CERTIFICATES = "/opt/certificates/rds.pem"
"""In the layer: who signs the certificates of PostgreSQL's and DocumentDB's servers in this region."""

POSTGRES, DOCUMENTS = 5432, 27017
"""Ports."""

READERS: Mapping[str, tuple[str, ...]] = {
    "inventory": ("fulfillment_app", "seller_app"),
    "customer": ("customer_app",),
    "documents": APPS,
}
"""The customer app has no way into the inventory database, nor the others into the customer database: not by the network
either."""

ROTATED_EVERY = Duration.days(30)


@dataclass(frozen=True)
class Postgres:
    """One of the two servers, as others see it."""

    database: str
    cluster: rds.DatabaseCluster

    @property
    def dsn(self) -> str:
        """Without a password: IAM gives one for each connection."""
        host = self.cluster.cluster_endpoint.hostname
        return (
            f"postgresql://{APP_USER}@{host}:{POSTGRES}/{self.database}"
            f"?sslmode=verify-full&sslrootcert={CERTIFICATES}"
        )

    def sign_in(self) -> iam.PolicyStatement:
        stack = Stack.of(self.cluster)
        resource = f"dbuser:{self.cluster.cluster_resource_identifier}/{APP_USER}"
        return iam.PolicyStatement(
            actions=["rds-db:connect"],
            resources=[stack.format_arn(service="rds-db", resource=resource)],
        )


class Stores(Stack):
    """What must outlive every release."""

    def __init__(
        self, scope: Construct, id_: str, deployment: Deployment, network: Network, **given: Any
    ) -> None:
        super().__init__(scope, id_, **given)
        self.deployment, self._network = deployment, network
        self._removal = RemovalPolicy.SNAPSHOT if deployment.is_kept else RemovalPolicy.DESTROY
        self.key = kms.Key(
            self,
            "Key",
            description="Everything that is stored.",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if deployment.is_kept else RemovalPolicy.DESTROY,
        )
        self.postgres: Mapping[str, Postgres] = {
            name: Postgres(name, self._postgres(name)) for name in ("inventory", "customer")
        }
        self.documents = None if deployment.mongodb_secret else self._documents()

    @property
    def documents_secret(self) -> str:
        """The name of the secret by which apps reach the document store."""
        return self.deployment.mongodb_secret or self.deployment.named("documents")

    def admin_secret(self, store: str) -> str:
        """The name of the secret with the administrator's password."""
        return self.deployment.named(f"{store}-admin")

    def _postgres(self, name: str) -> rds.DatabaseCluster:
        deployment = self.deployment
        readers = [
            rds.ClusterInstance.serverless_v2(f"reader{place}", scale_with_writer=True)
            for place in range(deployment.readers)
        ]
        cluster = rds.DatabaseCluster(
            self,
            name.capitalize(),
            engine=self._engine(),
            parameters={
                "rds.force_ssl": "1",
                "log_min_duration_statement": "1000",
                "log_lock_waits": "1",
            },
            writer=rds.ClusterInstance.serverless_v2("writer", enable_performance_insights=True),
            readers=readers,
            serverless_v2_min_capacity=deployment.capacity_min,
            serverless_v2_max_capacity=deployment.capacity_max,
            vpc=self._network.vpc,
            vpc_subnets=STORES,
            security_groups=[self._door(name, POSTGRES)],
            credentials=rds.Credentials.from_generated_secret(
                ADMIN_USER,
                secret_name=self.admin_secret(name),
                encryption_key=self.key,
            ),
            default_database_name=name,
            iam_authentication=True,
            storage_encrypted=True,
            storage_encryption_key=self.key,
            backup=rds.BackupProps(
                retention=Duration.days(deployment.backup_days), preferred_window="20:30-21:30"
            ),
            copy_tags_to_snapshot=True,
            deletion_protection=deployment.is_kept,
            cloudwatch_logs_exports=["postgresql"],
            cloudwatch_logs_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self._removal,
        )
        self._rotate_admin(cluster)
        return cluster

    def _door(self, store: str, port: int) -> ec2.SecurityGroup:
        """Who may reach the store: functions of the apps that read it, and the bootstrap."""
        network = self._network
        door = ec2.SecurityGroup(
            self,
            f"Door-{store}",
            vpc=network.vpc,
            description=f"Who may reach the {store} store.",
            allow_all_outbound=False,
        )
        for app in READERS[store]:
            door.add_ingress_rule(network.of_apps[app], ec2.Port.tcp(port), f"{app}'s functions")
        door.add_ingress_rule(network.of_bootstrap, ec2.Port.tcp(port), "migrations and people")
        return door

    def _engine(self) -> rds.IClusterEngine:
        version = rds.AuroraPostgresEngineVersion.of(*POSTGRES_VERSION)
        return rds.DatabaseClusterEngine.aurora_postgres(version=version)

    def _rotate_admin(self, cluster: rds.DatabaseCluster) -> None:
        vpc = self._network.vpc
        cluster.add_rotation_single_user(
            automatically_after=ROTATED_EVERY,
            vpc_subnets=self._network.functions,
            security_group=self._network.of_bootstrap,
            endpoint=vpc.node.find_child("Secrets"),
        )

    def _documents(self) -> docdb.DatabaseCluster:
        """CDK makes no instances of a serverless cluster, so they are made here."""
        deployment, network = self.deployment, self._network
        cluster = docdb.DatabaseCluster(
            self,
            "Documents",
            engine_version=DOCUMENTDB_VERSION,
            master_user=docdb.Login(
                username=ADMIN_USER,
                kms_key=self.key,
                secret_name=self.admin_secret("documents"),
            ),
            serverless_v2_scaling_configuration=docdb.ServerlessV2ScalingConfiguration(
                min_capacity=max(deployment.capacity_min, 0.5),
                max_capacity=deployment.capacity_max,
            ),
            vpc=network.vpc,
            vpc_subnets=STORES,
            security_group=self._door("documents", DOCUMENTS),
            port=DOCUMENTS,
            parameter_group=self._documents_parameters(),
            storage_encrypted=True,
            kms_key=self.key,
            backup=docdb.BackupProps(
                retention=Duration.days(deployment.backup_days), preferred_window="20:30-21:30"
            ),
            deletion_protection=deployment.is_kept,
            export_audit_logs_to_cloud_watch=True,
            export_profiler_logs_to_cloud_watch=True,
            removal_policy=self._removal,
        )
        for place in range(1 + deployment.readers):
            docdb.CfnDBInstance(
                self,
                f"DocumentsInstance{place}",
                db_cluster_identifier=cluster.cluster_identifier,
                db_instance_class="db.serverless",
            )
        self._rotate_admin_of_documents(cluster)
        self._user_of_apps(cluster)
        return cluster

    def _rotate_admin_of_documents(self, cluster: docdb.DatabaseCluster) -> None:
        """By hand: the cluster's own way puts the function where it reaches no endpoint."""
        network = self._network
        assert cluster.secret, "The administrator has one."
        secretsmanager.SecretRotation(
            self,
            "DocumentsRotation",
            application=secretsmanager.SecretRotationApplication.MONGODB_ROTATION_SINGLE_USER,
            secret=cluster.secret,
            target=cluster,
            automatically_after=ROTATED_EVERY,
            vpc=network.vpc,
            vpc_subnets=network.functions,
            security_group=network.of_bootstrap,
            endpoint=network.vpc.node.find_child("Secrets"),
        )

    def _documents_parameters(self) -> docdb.ClusterParameterGroup:
        """What is exported to CloudWatch is empty unless the server writes it."""
        return docdb.ClusterParameterGroup(
            self,
            "DocumentsParameters",
            family=f"docdb{DOCUMENTDB_VERSION[:3]}",
            parameters={"audit_logs": "enabled", "profiler": "enabled", "tls": "enabled"},
        )

    def _user_of_apps(self, cluster: docdb.DatabaseCluster) -> None:
        """Its password is made here; the bootstrap makes the user."""
        secretsmanager.Secret(
            self,
            "DocumentsUser",
            secret_name=self.deployment.named("documents"),
            description="By which apps reach the document store.",
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=self.to_json_string(
                    {
                        "username": APP_USER,
                        "host": cluster.cluster_endpoint.hostname,
                        "port": DOCUMENTS,
                    }
                ),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=40,
            ),
        )
