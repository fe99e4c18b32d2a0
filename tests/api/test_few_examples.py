"""A few requests of chance for every operation of the three apps, in process. `make fuzz` has many, over HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from local.apps import APPS, load_app
from local.reading import Stores
from online_kart.openapi import routes_of
from tests.fuzz.configuration import as_admin, configuration, things_file
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
def things(inventory_db, customer_db, documents, now) -> dict[str, str]:
    return put_things(Stores(inventory_db, customer_db, documents), now)


def told(app: str) -> Iterator[events.EngineEvent]:
    """What Schemathesis has to say of the app."""
    config = schemathesis.Config.from_str(BRIEF + configuration({}, os.environ))
    asked = as_wsgi(load_app(app).app)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", asked, config=config)
    yield from from_schema(schema).execute()


def failures_of(event: events.ScenarioFinished) -> Iterator[str]:
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.failure_info:
                failure = check.failure_info.failure
                yield f"{failure.operation}: {failure.title}: {failure.message}"


def test_every_operation_answers_as_its_document_says(
    fulfillment, seller, customer, things, tmp_path: Path, monkeypatch
):
    """With ids of things that there are, and with others; with bodies that fit their schemas, and with others."""
    for app in APPS:
        for name, value in {**things_file(things, tmp_path), **as_admin(app)}.items():
            monkeypatch.setenv(name, value)
        tried: set[str] = set()
        wrong: list[str] = []
        for event in told(app):
            if isinstance(event, events.ScenarioFinished):
                tried.add(event.recorder.label)
                wrong += failures_of(event)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                wrong.append(repr(event))

        assert wrong == []
        assert tried == {f"{route.method} {route.path}" for route in routes_of(load_app(app).app)}
