"""`chalice local` for one app, without its stalls. `python -m local.chalice_server APP PORT`

Python's HTTP server writes an answer in two pieces. With the network's defaults the second waits
until the client has confirmed the first, which it delays: 44 ms a request on a connection that is
kept, against 2. And of clients that connect at once only five may wait. Both are attributes of the
classes that Chalice uses. All else is `chalice local`; its stage `local` has no variables of its
own, so that the process's environment counts.
"""

import argparse

from chalice.cli import cli as chalice
from chalice.local import ChaliceRequestHandler, ThreadedHTTPServer

from .apps import ROOT

CLIENTS_WAITING_MAX = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("app")
    parser.add_argument("port")
    parser.add_argument("--state", help="tells the processes of this system from another's")
    arguments = parser.parse_args()
    ChaliceRequestHandler.disable_nagle_algorithm = True
    ThreadedHTTPServer.request_queue_size = CLIENTS_WAITING_MAX
    options = ["--stage", "local", "--port", arguments.port, "--no-autoreload"]
    chalice(["--project-dir", str(ROOT / arguments.app), "local", *options], obj={})


if __name__ == "__main__":
    main()
