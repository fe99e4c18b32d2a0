"""What is public on AWS, what is kept, who gets to a store; and what a deployment does first."""

import json
import subprocess

import pytest

from cdk.deployments import ALL, PROD
from online_kart.alarms import ALARMS
from tests.cdk.reading import APPS, all_of, of_type, text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


# -- what is public, and what is kept


def test_nothing_is_public_but_the_apis(templates):
    for deployment in ALL:
        instances = all_of(templates, "AWS::RDS::DBInstance", deployment.name)
        assert instances
        assert all(instance.get("PubliclyAccessible") is not True for instance in instances)
        assert not all_of(templates, "AWS::EC2::InternetGateway", deployment.name)
        assert not all_of(templates, "AWS::Lambda::Url", deployment.name)
        for group in all_of(templates, "AWS::EC2::SecurityGroup", deployment.name):
            assert "0.0.0.0/0" not in text(group.get("SecurityGroupIngress", []))
        for rule in all_of(templates, "AWS::EC2::SecurityGroupIngress", deployment.name):
            assert "CidrIp" not in rule


def test_each_store_opens_to_the_apps_that_read_it(templates):
    doors = {}
    for name, group in of_type(templates["dev", "Stores"], "AWS::EC2::SecurityGroup").items():
        said = [rule["Description"] for rule in group.get("SecurityGroupIngress", [])]
        doors[name] = {app for app in APPS if any(app in each for each in said)}
    rules = of_type(templates["dev", "Stores"], "AWS::EC2::SecurityGroupIngress").values()
    for rule in rules:
        door = rule["GroupId"]["Fn::GetAtt"][0]
        doors[door] |= {app for app in APPS if app in rule.get("Description", "")}

    by_store = {
        store: next(apps for name, apps in doors.items() if name.startswith(f"Door{store}"))
        for store in ("inventory", "customer", "documents")
    }
    assert by_store == {
        "inventory": {"fulfillment_app", "seller_app"},
        "customer": {"customer_app"},
        "documents": set(APPS),
    }


def test_stores_are_encrypted_backed_up_and_not_deleted_by_mistake(templates):
    for type_ in ("AWS::RDS::DBCluster", "AWS::DocDB::DBCluster"):
        clusters = all_of(templates, type_, "prod")
        assert clusters
        for cluster in clusters:
            assert cluster["StorageEncrypted"] is True
            assert cluster["DeletionProtection"] is True
            assert cluster["BackupRetentionPeriod"] == PROD.backup_days
            assert cluster["KmsKeyId"]


def test_an_api_is_throttled_logged_traced_and_behind_a_firewall(templates):
    for stack in APPS.values():
        template = templates["prod", stack]
        (stage,) = of_type(template, "AWS::ApiGateway::Stage").values()
        (method,) = stage["MethodSettings"]
        assert method["ThrottlingRateLimit"] == PROD.requests_per_second
        assert method["DataTraceEnabled"] is False
        assert stage["AccessLogSetting"]["Format"]
        assert stage["TracingEnabled"] is True
        assert len(of_type(template, "AWS::WAFv2::WebACLAssociation")) == 1


def test_the_gateway_may_log_before_an_api_is_made(templates):
    """The account has one role for that; without it, a stage that logs is refused."""
    for deployment in ALL:
        template = templates[deployment.name, "Bootstrap"]
        (account,) = of_type(template, "AWS::ApiGateway::Account").values()
        assert account["CloudWatchRoleArn"]


def test_what_the_gateway_refuses_is_a_problem_that_a_page_may_read(templates):
    (api,) = of_type(templates["dev", "Customer"], "AWS::ApiGateway::RestApi").values()
    answers = api["Body"]["x-amazon-apigateway-gateway-responses"]

    assert {"THROTTLED", "UNAUTHORIZED", "DEFAULT_5XX", "WAF_FILTERED"} <= answers.keys()
    for answer in answers.values():
        problem = json.loads(answer["responseTemplates"]["application/json"])
        assert problem["type"].startswith("urn:kart:problem:")
        assert str(problem["status"]) == answer["statusCode"]
        headers = answer["responseParameters"]
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"


def test_every_alarm_of_the_code_is_one_on_aws(templates):
    alarms = of_type(templates["dev", "Watch"], "AWS::CloudWatch::Alarm").values()
    watched = {
        dimension["Value"]
        for alarm in alarms
        for dimension in alarm.get("Dimensions", [])
        if dimension["Name"] == "alarm"
    }

    assert watched == ALARMS.keys() - {"DeadLetter"}
    for alarm in all_of(templates, "AWS::CloudWatch::Alarm"):
        assert alarm["AlarmActions"]
        assert alarm["OKActions"]
        assert alarm["AlarmDescription"]


# -- the door for people


def test_the_bastion_has_no_key_no_address_and_no_open_port(templates):
    template = templates["dev", "Bastion"]
    (machine,) = of_type(template, "AWS::EC2::Instance").values()

    assert "KeyName" not in machine
    assert not machine.get("NetworkInterfaces")
    assert not of_type(template, "AWS::EC2::EIP")
    assert not of_type(template, "AWS::EC2::SecurityGroup")  # the bootstrap's, which lets nobody in
    of_bootstrap = [
        group
        for group in of_type(templates["dev", "Network"], "AWS::EC2::SecurityGroup").values()
        if group["GroupDescription"].startswith("Migrations")
    ]
    assert ["SecurityGroupIngress" in group for group in of_bootstrap] == [False]


def test_what_the_bastion_runs_when_it_is_made_is_a_shell_script():
    from cdk.bastion import TOOLS, user_data

    script = user_data("s3://bucket/layer.zip")
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)

    assert checked.returncode == 0, checked.stderr
    assert all(tool in script for tool in TOOLS)


def version_with(folder):
    """The name of a function's version, where a layer is made of this folder."""
    from aws_cdk import App, Stack, aws_lambda as lambda_
    from aws_cdk.assertions import Template

    from cdk import app, layers
    from cdk.functions import ARCHITECTURE, RUNTIME, layer_version

    stack = Stack(App(context=app.CONTEXT), "Small")
    function = lambda_.Function(
        stack,
        "Function",
        runtime=RUNTIME,
        architecture=ARCHITECTURE,
        handler="app.app",
        code=lambda_.Code.from_inline("nothing = None"),
        layers=[layer_version(stack, layers.ONLINE_KART, folder)],
    )
    function.add_alias("live")
    (name,) = of_type(Template.from_stack(stack).to_json(), "AWS::Lambda::Version")
    return name


def test_where_only_a_layer_changes_a_function_gets_a_new_version(tmp_path):
    """Else `live` would stay with the old code, and the bootstrap would not be called for new migrations."""
    (tmp_path / "module.py").write_text("1")
    first, again = version_with(tmp_path), version_with(tmp_path)
    (tmp_path / "module.py").write_text("2")
    changed = version_with(tmp_path)

    assert first == again != changed


# -- the order of a deployment


def test_tables_come_before_the_code_that_needs_them(assembly):
    for deployment in ALL:
        manifest = json.loads(
            (assembly / f"assembly-{deployment.name}" / "manifest.json").read_text()
        )
        waits_for = {
            name: artifact.get("dependencies", [])
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        for stack in APPS.values():
            (needs,) = [
                n for name, n in waits_for.items() if name.startswith(f"{deployment.name}{stack}")
            ]
            assert any(name.startswith(f"{deployment.name}Bootstrap") for name in needs)
