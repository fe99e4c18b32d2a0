"""The routing command as a process: exit codes, and a reader that goes away."""

import os
import subprocess
import sys
from pathlib import Path

from tests.builders import a_leg, a_network, an_fc

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "online_kart.routing"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "layers")}


def test_a_broken_file_ends_the_process_with_2_and_an_error_but_no_traceback(tmp_path):
    file = tmp_path / "network.json"
    file.write_text('{"facilities": [], "legs": [{}]}')
    done = subprocess.run(
        [*COMMAND, "tables", str(file)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "legs[0].origin" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    codes = [f"FC{number:03}" for number in range(120)]
    network = a_network([a_leg("FC000", "FC001", 5)], *(an_fc(code) for code in codes))
    file = tmp_path / "network.json"
    file.write_text(network.model_dump_json())
    with subprocess.Popen(
        [*COMMAND, "plan", str(file), "--all-pairs"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"origin"')
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
