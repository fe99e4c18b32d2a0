"""`chalice local` for one app, without its stalls. `python -m local.chalice_server APP PORT`

Python's HTTP server writes an answer in two pieces. With the network's defaults the second waits
until the client has confirmed the first, which it delays: 44 ms a request on a connection that is
kept, against 2. And of clients that connect at once only five may wait. Both are attributes of the
classes that Chalice uses. All else is `chalice local`; its stage `local` has no variables of its
own, so that the process's environment counts. A method that Python's server does not know is
Chalice's to refuse, as any other. Paths are decoded. And a request without a token is answered as API Gateway does where
its response `UNAUTHORIZED` is set as SECURITY.md says: with a problem and a challenge.
"""

import argparse
from urllib.parse import unquote

from chalice import local as chalice_local
from chalice.cli import cli as chalice
from chalice.local import (
    ChaliceRequestHandler,
    MatchResult,
    NotAuthorizedError,
    RouteMatcher,
    ThreadedHTTPServer,
)

from online_kart.gateway import answer
from online_kart.request_ids import HEADER

from .apps import ROOT

CLIENTS_WAITING_MAX = 128
METHODS_OF_NO_ROUTE = ("CONNECT", "QUERY", "TRACE")
"""Python's server would answer 501 to them, and leave out what an app says of each path."""


class Challenged(NotAuthorizedError):
    """The gateway's answer to a request without a token."""

    def __init__(self, headers: dict[str, str], body: bytes | None = None) -> None:
        said = answer("UNAUTHORIZED")
        request_id = {HEADER: headers["x-amzn-RequestId"]}
        super().__init__({**headers, **request_id, **said.headers}, said.body.encode())


class DecodingRouteMatcher(RouteMatcher):
    """What a path says, as API Gateway hands it on: without the `%2F` and the like of a URL."""

    def match_route(self, url: str) -> MatchResult:
        match = super().match_route(url)
        captured = {name: unquote(value) for name, value in match.captured.items()}
        return match._replace(captured=captured)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("app")
    parser.add_argument("port")
    parser.add_argument("--state", help="tells the processes of this system from another's")
    arguments = parser.parse_args()
    ChaliceRequestHandler.disable_nagle_algorithm = True
    ThreadedHTTPServer.request_queue_size = CLIENTS_WAITING_MAX
    for method in METHODS_OF_NO_ROUTE:
        setattr(ChaliceRequestHandler, f"do_{method}", ChaliceRequestHandler.do_GET)
    chalice_local.RouteMatcher = DecodingRouteMatcher  # type: ignore[misc]
    chalice_local.NotAuthorizedError = Challenged  # type: ignore[misc]
    options = ["--stage", "local", "--port", arguments.port, "--no-autoreload"]
    chalice(["--project-dir", str(ROOT / arguments.app), "local", *options], obj={})


if __name__ == "__main__":
    main()
