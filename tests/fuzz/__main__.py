"""Schemathesis against the three apps over HTTP: `make fuzz`. Exit 1 where an app did otherwise than its document says.

python -m tests.fuzz                                   every phase, 200 examples of each operation
python -m tests.fuzz --app seller_app --examples 20    one app, fewer; what follows goes to Schemathesis
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.apps import APPS
from local.state import state_folder
from tests.fuzz import hooks
from tests.fuzz.configuration import as_admin, configuration, things_file
from tests.fuzz.world import Target, answering
from tests.servers import shared_servers

EXAMPLES = 200
SEED = 2026
REPORTS = "junit,json"
WITHOUT_A_TOKEN = ("--phases", "examples,fuzzing", "--max-examples", "10")
"""Each answer is the same, whatever is asked."""


def fuzz(
    target: Target, folder: Path, options: Sequence[str], token: Mapping[str, str] | None = None
) -> int:
    """Schemathesis's exit code. Its reports are in the folder. Without a token nobody is signed in."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **things_file(target.things, folder), **(token or {})}
    environment["SCHEMATHESIS_HOOKS"] = hooks.__name__
    config = folder / "schemathesis.toml"
    config.write_text(configuration(target.things, environment))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{target.url}/openapi.json", "--checks", "all", "--continue-on-failure"),
        *("--report", REPORTS, "--report-dir", str(folder), "--generation-database", "none"),
        *options,
    ]
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", choices=APPS, action="append")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments, others = parser.parse_known_args()
    options = ["--max-examples", str(arguments.examples), "--seed", str(arguments.seed), *others]
    codes = []
    with shared_servers() as servers:
        for app in arguments.app or APPS:
            folder = state_folder() / "fuzz" / app
            with answering(servers, app, folder) as target:
                codes.append(fuzz(target, folder / "signed-in", options, as_admin(app)))
                codes.append(fuzz(target, folder / "nobody", [*options, *WITHOUT_A_TOKEN]))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
