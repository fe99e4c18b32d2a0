"""How Lambda finds a function: by its name in `app.py`, which puts middleware around it."""

import json
import os
import subprocess
import sys

import pytest

from local.apps import ROOT

STEPS = """
from chalice import Blueprint
from online_kart.logs import correlation_id

steps = Blueprint(__name__)


@steps.lambda_function(name="tell")
def tell(event, context):
    return {"event": event, "correlation_id": correlation_id()}
"""
APP = """
from chalice import Chalice
from chalicelib.steps import steps
from online_kart.logs import with_correlation_id

app = Chalice(app_name="small")
app.middleware("pure_lambda")(with_correlation_id)
app.register_blueprint(steps)
"""
RUN = {"name": "ABC-1", "input": {"correlation_id": "a-click"}}


@pytest.fixture
def call(tmp_path):
    """Calls a handler as Lambda does, in a process of its own."""
    (tmp_path / "chalicelib").mkdir()
    (tmp_path / "chalicelib" / "steps.py").write_text(STEPS)
    (tmp_path / "app.py").write_text(APP)

    def call(handler):
        module, _, name = handler.rpartition(".")
        code = f"from {module} import {name} as f; import json; print(json.dumps(f({{'run': {RUN}}}, None)))"
        ended = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "layers")]),
            },
            capture_output=True,
            text=True,
        )
        return json.loads(ended.stdout) if ended.returncode == 0 else ended.stderr

    return call


def test_a_step_is_told_what_its_run_came_of(call):
    told = call("online_kart.lambda_functions.tell")

    assert told == {"event": {}, "correlation_id": "a-click"}


def test_a_step_that_is_found_in_its_module_would_not_be(call):
    """What Chalice would have Lambda do."""
    told = call("chalicelib.steps.tell")

    assert told == {"event": {"run": RUN}, "correlation_id": None}


def test_a_function_that_the_app_has_not_is_not_found(call):
    assert "ImportError" in call("online_kart.lambda_functions.other")
