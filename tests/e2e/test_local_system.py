"""`make up` by hand: start twice, stop, be killed, start again."""

import json
import re
import signal
import urllib.request
from uuid import uuid4

import pytest

from tests.e2e.shell import PROJECT, STOP_SECONDS_MAX, Shell, end

TOUR = PROJECT / "TOUR.md"


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    shell = Shell(tmp_path_factory.mktemp("system") / "kart")
    yield shell
    assert shell.run("reset").returncode == 0


def healthy(said: str) -> bool:
    """Whether every server that was announced answers."""
    urls = re.findall(r"http://\S+", said)
    return len(urls) == 4 and all(
        urllib.request.urlopen(f"{url}/health", timeout=5).status == 200 for url in urls
    )


def test_the_system_starts_once_stops_cleanly_and_survives_being_killed(shell):
    process, said = shell.up()
    assert healthy(said)
    assert len(shell.children()) == 4

    again = shell.run("up")
    assert again.returncode == 0
    assert "runs already" in again.stdout
    assert healthy(again.stdout)

    end(process, signal.SIGKILL)
    assert len(shell.children()) == 4  # they are orphans now
    process, said = shell.up()
    assert "earlier start" in said
    assert healthy(said)
    assert len(shell.children()) == 4

    for victim in shell.children():
        victim.kill()
    end(process, signal.SIGKILL)
    process, said = shell.up()
    assert healthy(said)

    assert "Stopped" in end(process, signal.SIGINT)
    assert process.returncode == 0
    assert shell.children() == []
    assert "Nothing was running" in shell.run("down").stdout


def test_another_shell_can_go_on_the_tour_as_it_is_written_sign_in_and_stop_the_system(shell):
    process, _ = shell.up()

    tour = shell.script("\n".join(re.findall(r"```bash\n(.*?)```", TOUR.read_text(), re.DOTALL)))

    assert tour.returncode == 0, tour.stdout[-2000:] + tour.stderr[-2000:]
    *_, stock = tour.stdout.splitlines()  # of 40, two were torn, and two were sold and sent back
    assert [(each["fc_code"], each["free"]) for each in json.loads(stock)["items"]] == [
        ("BLR1", 36),
        ("IXZ1", 2),
    ]
    assert "admin (staff) is signed in" in shell.kart("sign-in", "admin").stdout
    assert json.loads(shell.kart("runs", "--status", "failed", "--json").stdout) == {"items": []}
    nowhere = shell.kart("order", str(uuid4()), "--json")
    assert nowhere.returncode == 1
    assert json.loads(nowhere.stderr)["type"] == "urn:kart:problem:NotFound"
    shell.kart("sign-in", "meera")
    assert "one of the customers" in shell.kart("runs").stderr

    assert "Stopped" in shell.run("down").stdout

    process.communicate(timeout=10)
    assert process.returncode == 0
    assert shell.children() == []


def test_closing_the_terminal_ends_the_whole_system(shell):
    process, _ = shell.up()
    assert process.stdout is not None
    process.stdout.close()

    process.send_signal(signal.SIGHUP)
    process.wait(timeout=STOP_SECONDS_MAX)

    assert shell.children() == shell.databases() == []


def test_a_server_that_dies_ends_the_system_and_its_log_is_shown(shell):
    process, _ = shell.up()

    victim = next(p for p in shell.children() if "customer_app" in p.cmdline())
    victim.kill()

    process.communicate(timeout=60)
    assert process.returncode == 1
    assert shell.children() == []
