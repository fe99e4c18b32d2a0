"""What would be made on AWS, read from the templates of dev and prod: what must exist, who may call what, who hears what."""

import re
from collections import Counter
from pathlib import Path

import pytest

from cdk.deployments import ALL, DEV
from online_kart.messaging.machines import MACHINES
from online_kart.messaging.rules import CONSUMERS_BY_APP, RULES, RUN_STATUS_CHANGE
from tests.cdk.reading import APPS, all_of, of_type, text

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SNAPSHOT = Path(__file__).parent / "resources.txt"
WILDCARDS_ARE_RIGHT = {"ec2", "xray"}
"""Services whose actions, of those a function needs, know no resource beforehand."""


# -- what exists


def counted(templates):
    lines = []
    for (deployment, stack), template in sorted(templates.items()):
        types = Counter(resource["Type"] for resource in template["Resources"].values())
        lines += [f"{deployment} {stack} {type_} {n}" for type_, n in sorted(types.items())]
    return "\n".join(lines) + "\n"


def test_the_list_of_resources_is_the_one_that_was_reviewed(templates):
    """After a change that is meant: write it anew, and let the review see it."""
    found = counted(templates)
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(found)
        pytest.fail(f"{SNAPSHOT.name} is written anew: look at what has changed, then commit it.")

    assert found == SNAPSHOT.read_text(), f"If it is meant, delete {SNAPSHOT.name} and run again."


def test_dev_and_prod_have_the_same_stacks(templates):
    stacks = {
        deployment.name: {stack for of, stack in templates if of == deployment.name}
        for deployment in ALL
    }

    assert stacks["dev"] == stacks["prod"]
    assert len(stacks["dev"]) == 11


def test_no_stack_is_near_the_most_that_cloudformation_takes(templates):
    for name, template in templates.items():
        assert len(template["Resources"]) < 450, name


def test_every_machine_is_there_with_its_kind_its_log_and_its_traces(templates):
    for deployment in ALL:
        found = all_of(templates, "AWS::StepFunctions::StateMachine", deployment.name)
        kinds = {machine["StateMachineName"]: machine["StateMachineType"] for machine in found}
        assert kinds == {deployment.named(name): kind for name, kind in MACHINES.items()}
        for machine in found:
            assert machine["TracingConfiguration"] == {"Enabled": True}
            assert machine["LoggingConfiguration"]["Level"] == "ALL"


def test_a_machine_may_invoke_its_own_steps_and_no_other(templates):
    template = templates["dev", "Machines"]
    policies = of_type(template, "AWS::IAM::Policy")
    for machine in of_type(template, "AWS::StepFunctions::StateMachine").values():
        (role,) = machine["RoleArn"]["Fn::GetAtt"][:1]
        (policy,) = [p for p in policies.values() if {"Ref": role} in p["Roles"]]
        allowed = {
            function
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Action"] == "lambda:InvokeFunction"
            for function in re.findall(r"function:([\w-]+):live", text(statement["Resource"]))
        }
        used = set(re.findall(r"function:([\w-]+):live", text(machine["DefinitionSubstitutions"])))
        assert allowed == used != set()


def test_every_function_that_a_machine_calls_is_there(templates):
    called = set(
        re.findall(
            r"function:([\w-]+):live",
            text(all_of(templates, "AWS::StepFunctions::StateMachine")),
        )
    )
    functions = {f.get("FunctionName") for f in all_of(templates, "AWS::Lambda::Function")}

    assert called
    assert called <= functions


# -- functions


def test_a_function_runs_where_and_how_it_was_built_for(templates):
    ours = [f for f in all_of(templates, "AWS::Lambda::Function") if "FunctionName" in f]
    assert ours
    for function in ours:
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert len(function["Layers"]) == (2 if "verify-token" in function["FunctionName"] else 1)


def test_only_authorizers_are_outside_the_network(templates):
    ours = [f for f in all_of(templates, "AWS::Lambda::Function") if "FunctionName" in f]
    outside = {f["FunctionName"] for f in ours if "VpcConfig" not in f}

    assert outside == {DEV.named(f"{app[:-4]}_verify_token") for app in APPS}


def test_no_function_has_a_password_in_its_environment(templates):
    for function in all_of(templates, "AWS::Lambda::Function"):
        variables = text(function.get("Environment", {}))
        assert "resolve:secretsmanager" not in variables
        assert not re.search(r"://[^@\"/]*:[^@\"/]+@", variables)


def test_each_function_has_a_role_of_its_own_that_names_its_resources(templates):
    for app in APPS.values():
        template = templates["dev", app]
        roles = [
            f["Role"]["Fn::GetAtt"][0]
            for f in of_type(template, "AWS::Lambda::Function").values()
            if "FunctionName" in f
        ]
        assert len(set(roles)) == len(roles)
        for policy in of_type(template, "AWS::IAM::Policy").values():
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                actions = [actions] if isinstance(actions, str) else actions
                assert not [action for action in actions if "*" in action]
                if statement["Resource"] == "*":
                    assert {action.split(":")[0] for action in actions} <= WILDCARDS_ARE_RIGHT


def test_the_apis_run_the_version_that_is_live_from_a_snapshot(templates):
    for app in APPS.values():
        template = templates["dev", app]
        started = [
            f["FunctionName"]
            for f in of_type(template, "AWS::Lambda::Function").values()
            if f.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
        ]
        assert sorted(name.split("-")[-1] for name in started) == ["handler", "token"]
        aliases = of_type(template, "AWS::Lambda::Alias")
        (api,) = of_type(template, "AWS::ApiGateway::RestApi").values()
        assert set(re.findall(r'"Ref": "(FunctionsapihandlerA\w+)"', text(api["Body"]))) <= set(
            aliases
        )


# -- messages


def test_each_consumer_hears_what_the_rules_say(templates):
    for app, stack in APPS.items():
        template = templates["dev", stack]
        heard: dict[str, set[str]] = {}
        for rule in of_type(template, "AWS::Events::Rule").values():
            consumer = rule["Name"].removeprefix("kart-dev-").removesuffix("-of-runs")
            types = rule.get("EventPattern", {}).get("detail-type", [])
            if types:
                heard.setdefault(consumer.replace("-", "_"), set()).update(types)
        assert heard == {name: set(RULES[name]) for name in CONSUMERS_BY_APP[app]}


def test_what_a_rule_cannot_deliver_is_tried_again_and_kept(templates):
    for rule in all_of(templates, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0, rule["Name"]
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] > 0, rule["Name"]
            assert target["DeadLetterConfig"]["Arn"], rule["Name"]


def test_what_a_consumer_fails_at_is_kept_and_told(templates):
    for stack in APPS.values():
        template = templates["dev", stack]
        queues = of_type(template, "AWS::SQS::Queue")
        watched = text(of_type(template, "AWS::CloudWatch::Alarm"))
        for name, queue in queues.items():
            if queue["QueueName"].endswith("-dead"):
                assert f'"Fn::GetAtt": ["{name}", "QueueName"]' in watched
                assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
            else:
                dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
                assert queues[dead]["QueueName"] == f"{queue['QueueName']}-dead"


def test_a_message_comes_back_after_its_function_has_given_up_and_one_by_one(templates):
    for stack in APPS.values():
        template = templates["dev", stack]
        for source in of_type(template, "AWS::Lambda::EventSourceMapping").values():
            assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        for queue in of_type(template, "AWS::SQS::Queue").values():
            if not queue["QueueName"].endswith("-dead"):
                assert queue["VisibilityTimeout"] >= 360


def test_what_machines_end_with_is_heard_of_ours_only(templates):
    (rule,) = [
        rule
        for rule in of_type(templates["dev", "Fulfillment"], "AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("detail-type") == [RUN_STATUS_CHANGE]
    ]

    assert len(rule["EventPattern"]["detail"]["stateMachineArn"]) == len(MACHINES)
    assert "EventBusName" not in rule
