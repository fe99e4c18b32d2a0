"""A few requests of chance for every operation of the three apps, in process. `make fuzz` has many, over HTTP."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from local.apps import APPS, load_app
from local.reading import Stores
from online_kart.openapi import routes_of
from tests.fuzz.configuration import configuration, variables
from tests.fuzz.in_process import as_wsgi
from tests.things import put_things

BRIEF = """
seed = 2026
continue-on-failure = true
[generation]
max-examples = 1
no-shrink = true
deterministic = true
database = "none"
[phases.coverage]
enabled = false
[phases.stateful]
enabled = false
[checks.ignored_auth]
enabled = false
"""
"""Whom an operation lets in is what `test_tokens_api.py` asks, and each of these requests would come thrice."""


@pytest.fixture
def things(inventory_db, customer_db, documents, now) -> Mapping[str, str]:
    return put_things(Stores(inventory_db, customer_db, documents), now)


def told(app: str) -> Sequence[events.EngineEvent]:
    config = schemathesis.Config.from_str(BRIEF + configuration({}))
    asked = as_wsgi(load_app(app).app)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", asked, config=config)
    return list(from_schema(schema).execute())


@pytest.mark.parametrize("app", APPS)
def test_every_operation_answers_as_its_document_says(
    app, fulfillment, seller, customer, things, tmp_path: Path, monkeypatch
):
    for name, value in variables(app, things, tmp_path).items():
        monkeypatch.setenv(name, value)

    scenarios, errors = [], []
    for event in told(app):
        if isinstance(event, events.ScenarioFinished):
            scenarios.append(event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            errors.append(event)

    failures = [
        f"{check.failure_info.failure.operation}: {check.failure_info.failure.message}"
        for each in scenarios
        for checks in each.recorder.checks.values()
        for check in checks
        if check.failure_info
    ]
    assert failures == []
    assert errors == []
    tried = {each.recorder.label for each in scenarios}
    assert tried == {f"{route.method} {route.path}" for route in routes_of(load_app(app).app)}
