"""Log lines say where they belong, and are JSON on Lambda."""

import io
import json
import logging

import pytest
from chalice import Blueprint, Chalice

from local.lambdas import Context
from online_kart import alarms, logs

logger = logging.getLogger(__name__)


class LambdaLoggerHandler(logging.StreamHandler[io.StringIO]):
    """As Lambda's runtime calls its own."""


@pytest.fixture
def lines():
    """What stands in the log of a function on Lambda, as objects."""
    stream = io.StringIO()
    handler, root, factory = (
        LambdaLoggerHandler(stream),
        logging.getLogger(),
        logging.getLogRecordFactory(),
    )
    root.addHandler(handler)
    logging.setLogRecordFactory(logging.LogRecord)  # as in a process that has done nothing yet
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    logging.setLogRecordFactory(factory)


def test_a_line_on_lambda_is_an_object_with_all_that_is_known(lines):
    with logs.marked(correlation_id="c-1", function="reserve_stock", run=None):
        logger.error("Stock is short", extra={"order_id": "o-1"})

    (line,) = lines()
    assert (line["level"], line["message"]) == ("ERROR", "Stock is short")
    assert (line["correlation_id"], line["function"]) == ("c-1", "reserve_stock")
    assert line["order_id"] == "o-1"
    assert line["timestamp"].endswith("Z") or line["timestamp"].endswith("+00:00")
    assert "run" not in line


def test_what_is_logged_afterwards_is_not_marked(lines):
    with logs.marked(correlation_id="c-1"), logs.marked(correlation_id="c-2"):
        logger.error("inside")
    logger.error("outside")

    inside, outside = lines()
    assert inside["correlation_id"] == "c-2"
    assert "correlation_id" not in outside


def step_of_an_app():
    """A function of an app, which answers what it was called with and under which id."""
    app, steps = Chalice(app_name="steps"), Blueprint(__name__)

    @steps.lambda_function(name="reserve_stock")
    def reserve_stock(event, context):
        return {"event": event, "correlation_id": logs.correlation_id()}

    app.middleware("pure_lambda")(logs.with_correlation_id)
    app.register_blueprint(steps)
    (function,) = app.pure_lambda_functions
    handler = app.handler_map[function.name]
    return lambda event: handler(event, Context("reserve_stock"))


def test_a_step_works_under_the_id_of_what_its_run_came_of_and_sees_nothing_of_it():
    step = step_of_an_app()
    run = {"name": "order-1", "input": {"order_id": "o-1", "correlation_id": "c-1"}}

    answer = step({"order_id": "o-1", "run": run})

    assert answer == {"event": {"order_id": "o-1"}, "correlation_id": "c-1"}


def test_a_run_that_somebody_started_by_hand_is_known_by_its_name():
    answer = step_of_an_app()({"run": {"name": "order-1-again", "input": {}}})

    assert answer["correlation_id"] == "order-1-again"


def test_an_alarm_says_what_it_came_of(capsys):
    with logs.marked(correlation_id="c-1"):
        alarms.raise_alarm("RunFailed", run="order-1")

    assert json.loads(capsys.readouterr().out)["correlation_id"] == "c-1"
