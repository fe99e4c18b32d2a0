"""What every log line says of where it belongs, and the form of the lines on AWS.

A line has facts of what it was written in: a request's id, a function's name, and the correlation id, which is one for
everything that a request, a job or an event of AWS has led to: events carry it through the outbox and the bus, and a
state machine tells each of its steps of its run (`run`: name and input). On AWS lines are JSON, by Powertools.

Modules log as Python does (`logging.getLogger(__name__)`), with ids as `extra`.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from chalice.app import BaseLambdaEvent, LambdaFunctionEvent

CORRELATION_ID = "correlation_id"

MARKS = frozenset({CORRELATION_ID, "function", "request_id", "run"})

LAMBDA_HANDLER = "LambdaLoggerHandler"
"""The class of the handler that Lambda's runtime has put there, and nobody else: so these lines go to CloudWatch."""

_facts: ContextVar[Mapping[str, str]] = ContextVar("facts", default=MappingProxyType({}))


@contextmanager
def marked(**facts: str | None) -> Iterator[None]:
    """Every line that is logged meanwhile has these facts as well, but for those that are None.

    They are MARKS, whose names no `extra` may have: Python's logging refuses to write over what a record has.
    """
    assert MARKS.issuperset(facts), facts
    _begin()
    known = {name: fact for name, fact in facts.items() if fact is not None}
    token = _facts.set({**_facts.get(), **known})
    try:
        yield
    finally:
        _facts.reset(token)


def correlation_id() -> str | None:
    """Of what is being done. None where nobody began anything: in a shell, or a test."""
    return _facts.get().get(CORRELATION_ID)


def with_correlation_id(event: BaseLambdaEvent, get_response: Callable[[Any], Any]) -> Any:
    """Chalice's middleware for steps, jobs and queues. Of its run a step's own code is told nothing."""
    run: dict[str, Any] = {}
    if isinstance(event, LambdaFunctionEvent):
        event.event = dict(event.event)
        run = event.event.pop("run", {})
    name = run.get("name")
    given = run.get("input", {}).get(CORRELATION_ID, name)
    function = getattr(event.context, "function_name", None)
    with marked(correlation_id=given or str(uuid4()), function=function, run=name):
        return get_response(event)


# -- the form of lines


def _begin() -> None:
    """When the first call comes, not on import: packaging imports an app, too."""
    factory = logging.getLogRecordFactory()
    if isinstance(factory, _Marked):
        return
    logging.setLogRecordFactory(_Marked(factory))
    for handler in logging.getLogger().handlers:
        if type(handler).__name__ == LAMBDA_HANDLER:
            write_json(handler)


def write_json(handler: logging.Handler) -> None:
    """Let it write one object a line: `level`, `location`, `message`, `timestamp` (UTC), and all facts."""
    # Here, since it takes 20 ms and most imports of this module are not for AWS.
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    handler.setFormatter(LambdaPowertoolsFormatter(utc=True, use_rfc3339=True))


class _Marked:
    """Makes log records as before, and puts the facts on them."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self._factory = factory

    def __call__(self, *args: Any, **given: Any) -> logging.LogRecord:
        record = self._factory(*args, **given)
        vars(record).update(_facts.get())
        return record
