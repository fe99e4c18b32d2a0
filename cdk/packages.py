"""What Chalice makes of an app: the folder that Lambda gets, its functions, and the API as Swagger.

Each app is packed by a Python of its own. They all call their modules `app` and `chalicelib`: in one process the second
app would get the first one's routes, and nobody would be told.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile

from .deployments import REGION
from .layers import LAYERS, ROOT

APPS = ("fulfillment_app", "seller_app", "customer_app")
"""In the order in which they are deployed."""

PACKAGE = """
import json, sys
from chalice.api import package_app
package_app(**json.load(sys.stdin))
"""

Kind = Literal["api", "authorizer", "consumer", "job", "step"]
Swagger = dict[str, Any]

HANDLERS = "online_kart.lambda_functions"

API = "api_handler"
AUTHORIZER = "verify_token"
SHARED_NAMES = {API, AUTHORIZER}
"""Functions that every app has: on AWS they bear the app's name as well."""


@dataclass(frozen=True)
class Function:
    """A Lambda function, by the name in its decorator."""

    name: str
    kind: Kind
    module: str
    """Where it is written: `chalicelib.steps.place_order`."""
    memory_mb: int
    timeout_seconds: int
    schedule: str = ""
    """Of a job: `rate(1 minute)`."""
    batch_size: int = 0
    """Of a consumer: messages that it gets at once."""


@dataclass(frozen=True)
class Package:
    """An app, ready to be deployed."""

    app: str
    code: Path
    functions: tuple[Function, ...]
    swagger: Swagger

    @property
    def short_name(self) -> str:
        return self.app.removesuffix("_app")

    def deployed_name(self, function: str) -> str:
        """Unique over all apps."""
        return f"{self.short_name}_{function}" if function in SHARED_NAMES else function


def package(app: str, into: Path) -> Package:
    """Pack the app; its code is a folder in `into`. Raises CalledProcessError."""
    out = into / app
    _run_chalice(ROOT / app, out)
    code = out / "code"
    with ZipFile(out / "deployment.zip") as packed:
        packed.extractall(code)  # a folder: the zip has times in it, and CDK would find it changed
    resources: dict[str, Any] = json.loads((out / "sam.json").read_text())["Resources"]
    swagger = resources["RestAPI"]["Properties"]["DefinitionBody"]
    functions = tuple(
        _function(resource["Properties"])
        for resource in resources.values()
        if resource["Type"] == "AWS::Serverless::Function"
    )
    return Package(app, code, functions, swagger)


def handler_of(function: Function) -> str:
    """What Lambda is told to call: through `app.py`, where the function's middleware is put around it."""
    return "app.app" if function.kind == "api" else f"{HANDLERS}.{function.name}"


def _run_chalice(folder: Path, out: Path) -> None:
    asked = {
        "project_dir": str(folder),
        "output_dir": str(out),
        "stage": "local",
        "chalice_config": {"manage_iam_role": False, "iam_role_arn": "arn:aws:iam::0:role/unused"},
    }
    environment = {
        **os.environ,
        "PYTHONPATH": str(LAYERS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": REGION,
    }
    subprocess.run(
        [sys.executable, "-c", PACKAGE],
        input=json.dumps(asked),
        env=environment,
        check=True,
        text=True,
        stdout=subprocess.DEVNULL,
    )


def _function(properties: dict[str, Any]) -> Function:
    module, _, handler = properties["Handler"].rpartition(".")
    (event,) = list(properties.get("Events", {}).values()) or [{"Type": "", "Properties": {}}]
    kind = _kind(handler, event["Type"])
    return Function(
        name=API if kind == "api" else handler,
        kind=kind,
        module=module,
        memory_mb=properties["MemorySize"],
        timeout_seconds=properties["Timeout"],
        schedule=event["Properties"].get("Schedule", ""),
        batch_size=event["Properties"].get("BatchSize", 0),
    )


def _kind(handler: str, event: str) -> Kind:
    """Raises KeyError for an event that no app had when this was written."""
    if handler == "app":
        return "api"
    if handler == AUTHORIZER:
        return "authorizer"
    kinds: dict[str, Kind] = {"": "step", "Schedule": "job", "SQS": "consumer"}
    return kinds[event]
