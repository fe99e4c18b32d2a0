"""Lambda in one process: our functions by name, on a bounded number of threads.

The threads are what execution environments are on AWS: each runs one call at a time and is used
again, so that a database connection opened by one call serves the next. An event is passed as JSON
text and so is the answer, for a function must neither see its caller's objects nor answer something
that JSON can't carry.
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from online_kart.domain.errors import KartError

from .errors import LocalError

logger = logging.getLogger(__name__)

ACCOUNT = "123456789012"
"""The AWS account that we pretend to be; moto's."""
CONCURRENCY = 16
TIMEOUT_MILLIS = 15 * 60 * 1000


class UnknownFunction(LocalError):
    """No loaded app has a Lambda function of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No app has a Lambda function called {name}.")
        self.name = name


class Throttled(LocalError):
    """More calls of the function at a time than it may have: it was not called. Only a test causes it here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Rate Exceeded: {name}.")


@dataclass(frozen=True)
class Context:
    """What AWS tells a function about its call, as far as ours or their tools look at it."""

    function_name: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:local:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return TIMEOUT_MILLIS


Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Answer:
    """What a call answered: the result, or the error as Lambda words it."""

    payload: Any
    is_error: bool = False

    @property
    def error(self) -> str:
        return f"{self.payload['errorType']}: {self.payload['errorMessage']}"


class Lambdas:
    """The functions of all apps. Safe to call from any thread but its own."""

    def __init__(self, handlers: Mapping[str, Handler], concurrency: int = CONCURRENCY) -> None:
        self._handlers = dict(handlers)
        self._environments = ThreadPoolExecutor(concurrency, thread_name_prefix="lambda")

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._handlers)

    def invoke(self, name: str, event: bytes | str = b"{}") -> Answer:
        """Call the function and wait. An exception becomes an answer, named by its class.

        Raises UnknownFunction, Throttled.
        """
        self.check(name)
        return self._environments.submit(_call, name, self._handlers[name], event).result()

    def check(self, name: str) -> None:
        """Raises UnknownFunction."""
        if name not in self._handlers:
            raise UnknownFunction(name)

    @contextmanager
    def replaced(self, name: str, handler: Handler) -> Iterator[Handler]:
        """Another function in its place, for as long as the block lasts: a faulty one, say. Gives the function itself."""
        self.check(name)
        original = self._handlers[name]
        self._handlers[name] = handler
        try:
            yield original
        finally:
            self._handlers[name] = original

    def close(self) -> None:
        """Let the calls under way finish, and take no more."""
        self._environments.shutdown(wait=True, cancel_futures=True)


def _call(name: str, handler: Handler, event: bytes | str) -> Answer:
    try:
        result = handler(json.loads(event or "{}"), Context(name))
        return Answer(json.loads(json.dumps(result)))
    except Throttled:
        raise
    except Exception as error:
        expected = isinstance(error, KartError)
        logger.log(
            logging.INFO if expected else logging.ERROR,
            "%s raised %s: %s",
            name,
            type(error).__name__,
            error,
            exc_info=not expected,
        )
        return Answer({"errorType": type(error).__name__, "errorMessage": str(error)}, True)
