"""The engine: one process that is all of AWS but the HTTP servers. `python -m local.engine`

It holds the functions of all three apps, the event bus and its queues, the state machines and the
schedules (`local/aws.py`), and takes Lambda's Invoke over HTTP, so that the apps nudge their relays
here as they do on AWS:

    POST /2015-03-31/functions/<name>/invocations    X-Amz-Invocation-Type: Event | RequestResponse
    GET  /health          what waits, what runs, which jobs fail, how many dead letters
    GET  /dead-letters    what no try could handle, with the last error
    POST /dead-letters    deliver them once more
    POST /                sign up, sign in: Cognito's SignUp and InitiateAuth
    GET  /<user pool>/.well-known/jwks.json    its public keys
    POST /payments/<order id>/authorization | capture | release    the payment provider

It begins when business time is released, and notes the business time that is reached, so that a stop
of any kind doesn't make it jump.
"""

import json
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from .apps import load_apps
from .aws import LocalAws, local_aws
from .clock import HEARTBEAT_SECONDS, ClockFile
from .environment import REGION, settle_settings
from .jobs import scheduled_event
from .lambdas import UnknownFunction
from .payment_server import Books
from .people import People
from .ports import HOST, Ports
from .state import state_folder
from .user_pools import UserPools

QUEUES_FILE = "queues.sqlite"
PAYMENTS_FILE = "payments.sqlite"
RETRY_SPEED = 10.0
"""A task that waits 2 s between tries on AWS waits 0.2 s here."""
SWEEP = "sweep_runs"
SWEEPS_MAX = 100
RECURSION_MAX = 20_000
"""moto's Map calls itself once for each item of a worker."""
BODY_BYTES_MAX = 6 * 1024 * 1024
INVOCATION = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")

logger = logging.getLogger(__name__)


class EngineServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, aws: LocalAws, books: Books, pools: UserPools) -> None:
        super().__init__((HOST, port), EngineHandler)
        self.aws, self.books, self.pools = aws, books, pools


class EngineHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the second piece of an answer waits 40 ms for the client
    server: EngineServer

    def do_GET(self) -> None:
        aws = self.server.aws
        if self.path == "/health":
            self._answer(HTTPStatus.OK, _health(aws))
        elif self.path == "/dead-letters":
            letters = [asdict(letter) for letter in aws.queues.dead_letters()]
            self._answer(HTTPStatus.OK, letters)
        elif keys := self.server.pools.keys_at(self.path):
            self._answer(HTTPStatus.OK, keys)
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"Message": f"There is no {self.path}."})

    def do_POST(self) -> None:
        payload = self._body()
        if match := INVOCATION.fullmatch(self.path):
            self._invoke(match[1], payload)
        elif self.path == "/dead-letters":
            self._answer(HTTPStatus.OK, {"redriven": self.server.aws.queues.redrive()})
        elif self.path == "/":
            self._answer(*self.server.pools.answer(self.headers.get("X-Amz-Target", ""), payload))
        else:
            self._answer(self.server.books.answer(self.path, payload))

    def _invoke(self, function: str, payload: bytes) -> None:
        try:
            if self.headers.get("X-Amz-Invocation-Type") == "Event":
                self.server.aws.invoke_later(function, payload)
                self._answer(HTTPStatus.ACCEPTED)
            else:
                answer = self.server.aws.invoke(function, payload)
                headers = {"X-Amz-Function-Error": "Unhandled"} if answer.is_error else {}
                self._answer(HTTPStatus.OK, answer.payload, headers)
        except UnknownFunction as error:
            headers = {"X-Amzn-ErrorType": "ResourceNotFoundException"}
            self._answer(HTTPStatus.NOT_FOUND, {"Message": str(error)}, headers)

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(min(length, BODY_BYTES_MAX))

    def _answer(
        self, status: HTTPStatus, body: Any = None, headers: dict[str, str] | None = None
    ) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nudges would fill the log."""


def _health(aws: LocalAws) -> dict[str, Any]:
    return {
        "status": "ok",
        "process_id": os.getpid(),
        "unhandled_messages": aws.queues.unhandled_count(),
        "dead_letters": len(aws.queues.dead_letters()),
        "running_executions": aws.step_functions.running_count(),
        "busy_executions": aws.step_functions.busy_count(),
        "failing_jobs": aws.jobs.failing(),
    }


def run(state: Path, port: int, stop: Event) -> None:
    """Serve until `stop` is set."""
    clock_file = ClockFile(state)
    apps = load_apps()
    for app in apps.values():
        settle_settings(app)
    clock_file.wait_until_released(stop)
    began_at = clock_file.clock().wall_now()
    with (
        _heartbeats(clock_file),
        local_aws(
            apps,
            state / QUEUES_FILE,
            region=REGION,
            clock=clock_file.clock(),
            retry_speed=RETRY_SPEED,
        ) as aws,
        closing(Books(state / PAYMENTS_FILE)) as books,
        _served(EngineServer(port, aws, books, UserPools(People(state), REGION))),
    ):
        start_again_what_was_lost(aws, began_at)
        aws.jobs.start()
        logger.info("The engine is ready on http://%s:%d", HOST, port)
        stop.wait()
        logger.info("The engine stops: what is being handled finishes, what waits stays queued")


def start_again_what_was_lost(aws: LocalAws, began_at: datetime) -> int:
    """The engine before this one took its executions with it: no use to wait until they count as lost. How many.

    `began_at` is the wall time since which executions are this engine's.
    """
    event = scheduled_event(SWEEP) | {"detail": {"unheard_since": began_at.isoformat()}}
    restarted = 0
    for _ in range(SWEEPS_MAX):
        answer = aws.invoke(SWEEP, json.dumps(event).encode())
        if answer.is_error or not answer.payload["checked"]:
            break  # an error is in the log, and the schedule sweeps again
        restarted += answer.payload["restarted"]
    return restarted


@contextmanager
def _served(server: EngineServer) -> Iterator[None]:
    Thread(target=server.serve_forever, name="http", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _heartbeats(clock_file: ClockFile) -> Iterator[None]:
    ended = Event()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            clock_file.heartbeat()

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        clock_file.heartbeat(is_last=True)


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for name in ("botocore", "moto"):  # moto logs each caught error with the whole machine
        logging.getLogger(name).setLevel(logging.CRITICAL)
    sys.setrecursionlimit(RECURSION_MAX)
    os.environ.pop("AWS_ENDPOINT_URL_LAMBDA", None)  # that is us: a nudge from here needs no HTTP
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(state_folder(), Ports.from_env().engine, stop)


if __name__ == "__main__":
    main()
