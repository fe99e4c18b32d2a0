"""Schemathesis against the three apps over HTTP: `make fuzz`. Exit 1 where an app did otherwise than its document says.

python -m tests.fuzz                                   every phase, 200 examples of each operation
python -m tests.fuzz --app seller_app --examples 20    one app, fewer; what follows goes to Schemathesis
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.apps import APPS
from local.state import state_folder
from tests.fuzz import hooks
from tests.fuzz.configuration import configuration, variables
from tests.fuzz.world import Target, answering
from tests.servers import shared_servers

EXAMPLES = 200
SEED = 2026
REPORTS = "junit,json"


def fuzz(target: Target, folder: Path, options: Sequence[str]) -> int:
    """Schemathesis's exit code. Its reports are in the folder."""
    config = folder / "schemathesis.toml"
    config.write_text(configuration(target.things))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{target.url}/openapi.json", "--checks", "all", "--continue-on-failure"),
        *("--report", REPORTS, "--report-dir", str(folder), "--generation-database", "none"),
        *options,
    ]
    environment = {**os.environ, **variables(target.app, target.things, folder)}
    environment["SCHEMATHESIS_HOOKS"] = hooks.__name__
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
            folder.mkdir(parents=True, exist_ok=True)
            with answering(servers, app, folder) as target:
                codes.append(fuzz(target, folder, options))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
