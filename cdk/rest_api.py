"""An app's API: Chalice's Swagger with our functions behind it, throttled, logged, behind a firewall.

What API Gateway answers by itself (no such path, too many requests) is a problem as our own answers are, and readable
from a browser: the gateway's own has neither a problem's form nor a header that lets a page read it.
"""

import copy
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_cdk import (
    Aws,
    RemovalPolicy,
    aws_apigateway as apigateway,
    aws_iam as iam,
    aws_lambda as lambda_,
    aws_logs as logs,
    aws_wafv2 as waf,
)
from constructs import Construct

from online_kart.http import INTERNAL_ERROR, RETRY_AFTER, RETRY_AFTER_SECONDS, problem_type
from online_kart.problems import MEDIA_TYPE

from .deployments import Deployment
from .packages import API, AUTHORIZER, Package, Swagger

STAGE = "api"
"""The first part of every path, as Chalice's configuration has it."""

GATEWAY = "apigateway.amazonaws.com"

LOGICAL_NAMES = {"APIHandler": API, "VerifyToken": AUTHORIZER}
"""Chalice's name in the Swagger → the function's."""

PROBLEMS: Mapping[str, tuple[HTTPStatus, str, str]] = {
    "ACCESS_DENIED": (HTTPStatus.FORBIDDEN, "Forbidden", "This is not allowed."),
    "BAD_REQUEST_BODY": (HTTPStatus.BAD_REQUEST, "InvalidRequest", "The body can't be read."),
    "BAD_REQUEST_PARAMETERS": (
        *(HTTPStatus.BAD_REQUEST, "InvalidRequest"),
        "A parameter is missing.",
    ),
    "INTEGRATION_TIMEOUT": (
        *(HTTPStatus.SERVICE_UNAVAILABLE, "Unavailable"),
        "It took too long. Send the same request again.",
    ),
    "MISSING_AUTHENTICATION_TOKEN": (HTTPStatus.NOT_FOUND, "NotFound", "There is no such path."),
    "REQUEST_TOO_LARGE": (
        *(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "InvalidRequest"),
        "The body is too large.",
    ),
    "THROTTLED": (HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", "Ask again a little later."),
    "UNAUTHORIZED": (HTTPStatus.UNAUTHORIZED, "Unauthenticated", "Sign in first."),
    "UNSUPPORTED_MEDIA_TYPE": (
        *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "InvalidRequest"),
        "The body must be JSON.",
    ),
    "WAF_FILTERED": (HTTPStatus.FORBIDDEN, "Forbidden", "The firewall has refused this request."),
    "DEFAULT_5XX": (HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR, "That is a fault of ours."),
}
"""The gateway's name of what it answers → status, name of the problem, what it says."""

RULES_OF_AWS = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)

BODIES_BY_US = {"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}
"""Only counted: it refuses bodies above 8 KB, and an imported file has up to 1 MB. The apps know how long a body may be."""


class RestApi(Construct):
    """The API of an app, before the functions of these aliases."""

    def __init__(
        self,
        scope: Construct,
        package: Package,
        deployment: Deployment,
        aliases: Mapping[str, lambda_.Alias],
    ) -> None:
        super().__init__(scope, "Api")
        self._name = deployment.named(package.short_name)
        self._deployment = deployment
        body = body_of(package.swagger, {name: a.function_arn for name, a in aliases.items()})
        self.api = apigateway.SpecRestApi(
            self,
            "Rest",
            rest_api_name=self._name,
            api_definition=apigateway.ApiDefinition.from_inline(body),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=self._stage_options(),
        )
        aliases[API].add_permission(
            "Gateway",
            principal=iam.ServicePrincipal(GATEWAY),
            source_arn=self.api.arn_for_execute_api(),
        )
        aliases[AUTHORIZER].add_permission(
            "Gateway",
            principal=iam.ServicePrincipal(GATEWAY),
            source_arn=(
                f"arn:{Aws.PARTITION}:execute-api:{Aws.REGION}:{Aws.ACCOUNT_ID}"
                f":{self.api.rest_api_id}/authorizers/*"
            ),
        )
        self._put_behind_firewall()

    def _stage_options(self) -> apigateway.StageOptions:
        deployment = self._deployment
        log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{self._name}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        return apigateway.StageOptions(
            stage_name=STAGE,
            throttling_rate_limit=deployment.requests_per_second,
            throttling_burst_limit=deployment.requests_per_second * 3 // 2,
            tracing_enabled=True,
            metrics_enabled=True,
            logging_level=apigateway.MethodLoggingLevel.ERROR,
            data_trace_enabled=False,  # bodies have addresses of people in them
            access_log_destination=apigateway.LogGroupLogDestination(log),
            access_log_format=access_log_format(),
        )

    def _put_behind_firewall(self) -> None:
        acl = waf.CfnWebACL(
            self,
            "Firewall",
            name=self._name,
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible(self._name),
            rules=[
                *(_rules_of_aws(place, name) for place, name in enumerate(RULES_OF_AWS)),
                _rate_rule(len(RULES_OF_AWS), self._deployment.requests_per_address),
            ],
        )
        waf.CfnWebACLAssociation(
            self,
            "BehindFirewall",
            resource_arn=self.api.deployment_stage.stage_arn,
            web_acl_arn=acl.attr_arn,
        )


# -- the Swagger


def body_of(swagger: Swagger, arns: Mapping[str, str]) -> Swagger:
    """Chalice's, with the functions' ARNs in it and our answers for what the gateway refuses."""
    body: Swagger = _with_arns(copy.deepcopy(swagger), arns)
    body["x-amazon-apigateway-gateway-responses"] = gateway_responses()
    return body


def gateway_responses() -> dict[str, Any]:
    return {type_: _gateway_response(*problem) for type_, problem in PROBLEMS.items()}


def _gateway_response(status: HTTPStatus, name: str, says: str) -> dict[str, Any]:
    problem: dict[str, Any] = {"type": problem_type(name), "title": says, "status": status.value}
    headers = {"Access-Control-Allow-Origin": "'*'", "Content-Type": f"'{MEDIA_TYPE}'"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "'Bearer'"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers[RETRY_AFTER] = f"'{RETRY_AFTER_SECONDS}'"
        problem["retry"] = {"after_seconds": RETRY_AFTER_SECONDS, "how": "Send it again."}
    return {
        "statusCode": str(status.value),
        "responseParameters": {f"gatewayresponse.header.{k}": v for k, v in headers.items()},
        # The gateway chooses by what a client accepts, and takes this where that is anything.
        "responseTemplates": {"application/json": json.dumps(problem)},
    }


def _with_arns(part: Any, arns: Mapping[str, str]) -> Any:
    """Chalice speaks of functions that SAM would make: `{"Fn::Sub": "…${APIHandler.Arn}…"}`."""
    if isinstance(part, list):
        return [_with_arns(each, arns) for each in part]
    if not isinstance(part, dict):
        return part
    if set(part) != {"Fn::Sub"}:
        return {key: _with_arns(each, arns) for key, each in part.items()}
    text = str(part["Fn::Sub"])
    for logical, function in LOGICAL_NAMES.items():
        text = text.replace(f"${{{logical}.Arn}}", arns[function])
    return text.replace("${AWS::Partition}", Aws.PARTITION).replace("${AWS::Region}", Aws.REGION)


def access_log_format() -> apigateway.AccessLogFormat:
    """One JSON object a request: who, what, the answer, how long. No path parameters: they name people."""
    context = {
        "request_id": "requestId",
        "trace_id": "xrayTraceId",
        "ip": "identity.sourceIp",
        "subject": "authorizer.principalId",
        "method": "httpMethod",
        "resource": "resourcePath",
        "status": "status",
        "bytes": "responseLength",
        "milliseconds": "responseLatency",
        "function_milliseconds": "integrationLatency",
        "error": "error.responseType",
        "firewall": "waf.status",
    }
    line = {name: f"$context.{variable}" for name, variable in context.items()}
    return apigateway.AccessLogFormat.custom(json.dumps(line))


# -- the firewall


def _rules_of_aws(place: int, name: str) -> waf.CfnWebACL.RuleProperty:
    counted = [
        waf.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in BODIES_BY_US.get(name, ())
    ]
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=place,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=name, rule_action_overrides=counted or None
            )
        ),
        visibility_config=_visible(name),
    )


def _rate_rule(place: int, requests: int) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name="too-many-from-one-address",
        priority=place,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=requests, aggregate_key_type="IP"
            )
        ),
        visibility_config=_visible("too-many-from-one-address"),
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
